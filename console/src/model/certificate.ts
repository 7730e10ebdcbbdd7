// What a certificate says of the hosts that it is for, and until when: as much of X.509 as tells that.
import { bytesOf, certificatesIn, elementsOf, hexOf } from './key';

export interface CertificateFacts {
  hosts: string[];
  until: number; // Since the epoch, in milliseconds.
}

const kVersion = 0xa0;
const kExtensions = 0xa3;
const kUtcTime = 0x17;
const kDnsName = 0x82;
const kCommonName = '550403';
const kAlternativeNames = '551d11';

type Bytes = Parameters<typeof elementsOf>[0];

function textOf(bytes: Bytes): string {
  return new TextDecoder().decode(bytes);
}

// "260102030405Z", of which a year before 50 is of this century, or "20260102030405Z".
function timeOf({ tag, body }: { tag: number; body: Bytes }): number {
  const text = textOf(body);
  const whole = tag === kUtcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  return Date.parse(whole.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

function commonNamesOf(subject: Bytes): string[] {
  return elementsOf(subject).flatMap(({ body }) => elementsOf(body)).flatMap(({ body }) => {
    const [id, value] = elementsOf(body);
    return id && value && hexOf(id.body) === kCommonName ? [textOf(value.body)] : [];
  });
}

function alternativesOf(extensions: Bytes | undefined): string[] {
  const all = extensions ? elementsOf(elementsOf(extensions)[0]!.body) : [];
  const found = all.map(({ body }) => elementsOf(body)).find(([id]) => id && hexOf(id.body) === kAlternativeNames);
  const names = found ? elementsOf(elementsOf(found.at(-1)!.body)[0]!.body) : [];
  return names.filter(({ tag }) => tag === kDnsName).map(({ body }) => textOf(body));
}

// Of the first one in a text of PEM; null: none can be read. A common name counts where there are no other names.
export function certificateFacts(pem: string): CertificateFacts | null {
  const text = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(certificatesIn(pem))?.[1];
  if (text === undefined) return null;
  try {
    const [signed] = elementsOf(elementsOf(bytesOf(text.replace(/\s/g, '')))[0]!.body);
    const parts = elementsOf(signed!.body).filter(({ tag }) => tag !== kVersion);
    const [, , , validity, subject] = parts;
    const until = timeOf(elementsOf(validity!.body)[1]!);
    if (Number.isNaN(until)) return null;
    const others = alternativesOf(parts.find(({ tag }) => tag === kExtensions)?.body);
    return { hosts: others.length > 0 ? others : commonNamesOf(subject!.body).slice(0, 1), until };
  } catch {
    return null;
  }
}

// "*.shop.example" is for what is one word before it.
export function isForHost({ hosts }: CertificateFacts, wanted: string): boolean {
  const host = wanted.toLowerCase();
  const dot = host.indexOf('.');
  return hosts.some((each) => {
    const name = each.toLowerCase();
    return name === host || (dot >= 0 && name === `*${host.slice(dot)}`);
  });
}
