// Keys as tools write them, and what a browser says of what they signed.
import { generateKeyPairSync } from 'node:crypto';

import { bytesOf, type PrivateKey } from '../src/model/key';

export const kCurves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1', K: 'secp256k1' };

export interface Written {
  publicKey: Uint8Array<ArrayBuffer>;
  pem: string;
}

type Form = { type: string; cipher?: string; passphrase?: string };

export function written(kind: 'rsa' | 'ec' | 'ed25519', form: Form, curve?: keyof typeof kCurves): Written {
  const made = generateKeyPairSync(kind, {
    modulusLength: 2048,
    ...(curve ? { namedCurve: kCurves[curve] } : {}),
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { format: 'pem', ...form },
  });
  return { publicKey: made.publicKey, pem: made.privateKey };
}

// Of a curve, without saying of which one.
export function withoutCurve(pkcs8: string): string {
  const base64 = pkcs8.replace(/-----[^-]*-----|\s/g, '');
  const der = bytesOf(base64);
  // SEC 1 within PKCS 8: version 1 and the secret, behind a head of two or three bytes.
  const at = der.findIndex((_, i) => der[i] === 2 && der[i + 1] === 1 && der[i + 2] === 1 && der[i + 3] === 4);
  const start = at - (der[at - 2] === 0x30 ? 2 : 3);
  const text = btoa(String.fromCharCode(...der.slice(start)));
  return `-----BEGIN EC PRIVATE KEY-----\n${text}\n-----END EC PRIVATE KEY-----\n`;
}

// PKCS #8 whose key of SEC 1 names the curve again.
export function withCurveTwice({ pem, publicKey }: Written): string {
  const tagged = (tag: number, body: Uint8Array): number[] =>
    [tag, ...(body.length < 128 ? [] : [0x81]), body.length, ...body];
  const sec1 = bytesOf(pem.replace(/-----[^-]*-----|\s/g, ''));
  // What the public key begins with, behind its own head.
  const at = publicKey[1]! < 128 ? 2 : 3;
  const algorithm = publicKey.slice(at, at + 2 + publicKey[at + 1]!);
  const body = Uint8Array.of(2, 1, 0, ...algorithm, ...tagged(4, sec1));
  const head = body.length < 256 ? tagged(0x30, body) : [0x30, 0x82, body.length >> 8, body.length & 255, ...body];
  const text = btoa(String.fromCharCode(...head));
  return `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`;
}

const text = new TextEncoder().encode('what is signed');

export async function signs(key: PrivateKey, publicKey: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const secret = await crypto.subtle.importKey('pkcs8', key.pkcs8, key.importAs, false, ['sign']);
  return isOf(key, publicKey, await crypto.subtle.sign(key.signAs, secret, text), text);
}

export async function isOf(
  key: PrivateKey,
  publicKey: Uint8Array<ArrayBuffer>,
  signature: BufferSource,
  signed: BufferSource,
): Promise<boolean> {
  const open = await crypto.subtle.importKey('spki', publicKey, key.importAs, true, ['verify']);
  return crypto.subtle.verify(key.signAs, open, signature, signed);
}
