// Private keys as kubeconfigs hold them, in the one form that a browser imports: PKCS #8, which
// RSA's own (PKCS #1) and that of elliptic curves (SEC 1) become by a few bytes of DER before them.

type Bytes = Uint8Array<ArrayBuffer>;

export interface PrivateKey {
  pkcs8: Bytes;
  importAs: AlgorithmIdentifier | RsaHashedImportParams | EcKeyImportParams;
  signAs: AlgorithmIdentifier | EcdsaParams; // As the server takes it: apiserver/auth/key_proof.h
}

// Why there is none: no text of a key, one under a pass phrase, one of another kind.
export type KeyFault = 'none' | 'encrypted' | 'kind';

const kInteger = 0x02;
const kOctets = 0x04;
const kNull = 0x05;
const kIdentifier = 0x06;
const kSequence = 0x30;
const kParameters = 0xa0; // Of SEC 1: which curve.

const kRsa = '2a864886f70d010101';
const kEc = '2a8648ce3d0201';
const kEd25519 = '2b6570';
const kCurves: Record<string, { name: string; hash: string; bytes: number }> = {
  '2a8648ce3d030107': { name: 'P-256', hash: 'SHA-256', bytes: 32 },
  '2b81040022': { name: 'P-384', hash: 'SHA-384', bytes: 48 },
  '2b81040023': { name: 'P-521', hash: 'SHA-512', bytes: 66 },
};

// Beyond it nothing is looked for: no key and no chain of certificates is that long.
const kPemMax = 16 << 10;

interface Element {
  tag: number;
  body: Bytes;
}

// What stands one after another in these bytes. Throws where they are no DER.
export function elementsOf(bytes: Bytes): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    let length = bytes[at++] ?? Infinity;
    if (length >= 0x80) {
      let left = length & 0x7f;
      for (length = 0; left > 0; left -= 1) length = length * 256 + (bytes[at++] ?? Infinity);
    }
    if (!(at + length <= bytes.length)) throw new RangeError('no DER');
    found.push({ tag, body: bytes.slice(at, at + length) });
    at += length;
  }
  return found;
}

function element(tag: number, ...parts: Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | size.length, ...size];
  const made = new Uint8Array(head.length + length);
  made.set(head);
  let at = head.length;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

export function hexOf(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function identifier(hex: string): Bytes {
  return element(kIdentifier, Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16)));
}

// Version 0, the algorithm, the key in its own form.
function wrapped(algorithm: Bytes[], key: Bytes): Bytes {
  const version = element(kInteger, Uint8Array.of(0));
  return element(kSequence, version, element(kSequence, ...algorithm), element(kOctets, key));
}

function ofRsa(pkcs8: Bytes): PrivateKey {
  const name = 'RSASSA-PKCS1-v1_5';
  return { pkcs8, importAs: { name, hash: 'SHA-256' }, signAs: { name } };
}

function ofCurve(pkcs8: Bytes, id: string): PrivateKey | KeyFault {
  const curve = kCurves[id];
  if (curve === undefined) return 'kind';
  const name = 'ECDSA';
  return { pkcs8, importAs: { name, namedCurve: curve.name }, signAs: { name, hash: curve.hash } };
}

// A key of SEC 1 within PKCS #8, whose algorithm names the curve: Safari takes none that says it again.
function ofCurveKey(key: Bytes, id: string): PrivateKey | KeyFault {
  const parts = elementsOf(elementsOf(key)[0]!.body).filter((each) => each.tag !== kParameters);
  const bare = element(kSequence, ...parts.map(({ tag, body }) => element(tag, body)));
  return ofCurve(wrapped([identifier(kEc), identifier(id)], bare), id);
}

// SEC 1 may leave out which curve it is on: then its length tells.
function ofSec1(key: Bytes): PrivateKey | KeyFault {
  const [, secret, ...rest] = elementsOf(elementsOf(key)[0]!.body);
  const named = rest.find((each) => each.tag === kParameters);
  const id = named
    ? hexOf(elementsOf(named.body)[0]!.body)
    : Object.keys(kCurves).find((each) => kCurves[each]!.bytes === secret!.body.length);
  if (id === undefined || !(id in kCurves)) return 'kind';
  return ofCurveKey(key, id);
}

function ofPkcs8(pkcs8: Bytes): PrivateKey | KeyFault {
  const [, named, key] = elementsOf(elementsOf(pkcs8)[0]!.body);
  const algorithm = elementsOf(named!.body);
  const kind = hexOf(algorithm[0]!.body);
  if (kind === kRsa) return ofRsa(pkcs8);
  if (kind === kEd25519) return { pkcs8, importAs: { name: 'Ed25519' }, signAs: { name: 'Ed25519' } };
  const curve = kind === kEc ? hexOf(algorithm[1]!.body) : '';
  return curve in kCurves ? ofCurveKey(key!.body, curve) : 'kind';
}

export function bytesOf(base64: string): Bytes {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

interface Block {
  label: string;
  text: string; // What stands between its first line and its last.
}

// Those that end as they began.
function blocksOf(pem: string): Block[] {
  if (pem.length > kPemMax) return [];
  const found: Block[] = [];
  let label: string | null = null;
  let begin = 0;
  for (const { 0: line, 1: word, 2: name = '', index } of pem.matchAll(/-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----/g)) {
    if (word === 'END' && label === name) found.push({ label: name, text: pem.slice(begin, index) });
    label = word === 'BEGIN' ? name : null;
    begin = index + line.length;
  }
  return found;
}

// The certificates of a text of PEM, and nothing else that is in it; "" without one.
export function certificatesIn(pem: string): string {
  const all = blocksOf(pem).filter(({ label, text }) => label === 'CERTIFICATE' && /^[\w+/=\s]*$/.test(text));
  return all.map(({ text }) => `-----BEGIN CERTIFICATE-----${text}-----END CERTIFICATE-----\n`).join('');
}

// The first private key of a text of PEM.
export function privateKeyIn(pem: string): PrivateKey | KeyFault {
  const block = blocksOf(pem).find((each) => each.label.endsWith('PRIVATE KEY'));
  if (block === undefined) return 'none';
  const { label, text } = block;
  if (label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(text)) return 'encrypted';
  try {
    const der = bytesOf(text.replace(/\s/g, ''));
    switch (label) {
      case 'RSA PRIVATE KEY':
        return ofRsa(wrapped([identifier(kRsa), element(kNull)], der));
      case 'EC PRIVATE KEY':
        return ofSec1(der);
      case 'PRIVATE KEY':
        return ofPkcs8(der);
      default:
        return 'kind';
    }
  } catch {
    return 'none';
  }
}
