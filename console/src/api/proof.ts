// A login by the key of a client certificate (docs/decisions/0096): the server sees the certificate
// and a signature. The key stays in this page, and nothing keeps it.
import type { PrivateKey } from '../model/key';
import { tokenFor, challenge } from './request';

export interface KeyProof {
  certificate: string; // PEM.
  key: PrivateKey;
}

// Browsers have it where pages come by TLS, or from this machine.
export function canSign(): boolean {
  return (globalThis.crypto as Crypto | undefined)?.subtle !== undefined;
}

// What the browser says of a key that it cannot use.
export class KeyRefused extends Error {}

function refuse(error: Error): never {
  throw new KeyRefused(error.message || error.name);
}

// As apiserver/auth/key_proof.h has it.
export function signedText(origin: string, given: string): string {
  return `skiff console: login by the key of a client certificate\n${origin}\n${given}`;
}

function base64Url(bytes: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

// The token of the session that it begins. Throws an ApiError, or KeyRefused.
export async function tokenByKey({ certificate, key }: KeyProof): Promise<string> {
  const imported = await crypto.subtle
    .importKey('pkcs8', key.pkcs8, key.importAs, false, ['sign'])
    .catch(refuse);
  const given = await challenge();
  const origin = location.origin;
  const text = new TextEncoder().encode(signedText(origin, given));
  const signature = await crypto.subtle.sign(key.signAs, imported, text).catch(refuse);
  return tokenFor({ certificate, challenge: given, origin, signature: base64Url(signature) });
}
