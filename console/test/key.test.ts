import assert from 'node:assert/strict';
import { test } from 'node:test';

import { certificatesIn, privateKeyIn } from '../src/model/key';
import { signs, withCurveTwice, withoutCurve, written } from './keys';

async function isRead(pem: string, publicKey: Uint8Array<ArrayBuffer>): Promise<void> {
  const key = privateKeyIn(pem);
  assert(typeof key !== 'string', `${String(key)}: ${pem.split('\n')[0]}`);
  assert(await signs(key, publicKey), pem.split('\n')[0]);
}

test('RSA keys of both forms sign', async () => {
  for (const type of ['pkcs1', 'pkcs8']) {
    const { pem, publicKey } = written('rsa', { type });
    await isRead(pem, publicKey);
  }
});

test('keys of curves sign, in both forms and with or without their curve', async () => {
  for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
    const sec1 = written('ec', { type: 'sec1' }, curve);
    await isRead(sec1.pem, sec1.publicKey);
    const pkcs8 = written('ec', { type: 'pkcs8' }, curve);
    await isRead(pkcs8.pem, pkcs8.publicKey);
    await isRead(withoutCurve(pkcs8.pem), pkcs8.publicKey);
  }
});

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

test('no key of a curve names it twice: Safari takes none that does', () => {
  for (const [curve, bytes] of [['P-256', 32], ['P-384', 48], ['P-521', 66]] as const) {
    const sec1 = written('ec', { type: 'sec1' }, curve);
    const key = privateKeyIn(sec1.pem);
    assert(typeof key !== 'string');
    // Version 1, the secret, and [1] with the bits of the public key, to the end.
    const hex = hexOf(key.pkcs8);
    const size = (length: number) => (length < 128 ? '' : '81') + length.toString(16).padStart(2, '0');
    const open = `a1${size(2 * bytes + (bytes > 62 ? 5 : 4))}03${size(2 * bytes + 2)}0004`;
    assert(new RegExp(`02010104${bytes.toString(16)}.{${2 * bytes}}${open}.{${4 * bytes}}$`).test(hex), hex);
    const read = privateKeyIn(withCurveTwice(sec1));
    assert(typeof read !== 'string');
    assert.equal(hexOf(read.pkcs8), hex);
  }
});

test('Ed25519 signs', async () => {
  const { pem, publicKey } = written('ed25519', { type: 'pkcs8' });
  await isRead(pem, publicKey);
});

test('what stands around a key is passed over', async () => {
  const { pem, publicKey } = written('ec', { type: 'sec1' }, 'P-256');
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
  await isRead(`# mine\r\n${parameters}${pem}`.replace(/\n/g, '\r\n'), publicKey);
});

test('a key under a pass phrase is told from none', () => {
  const under = { cipher: 'aes-256-cbc', passphrase: 'x' };
  assert.equal(privateKeyIn(written('rsa', { type: 'pkcs8', ...under }).pem), 'encrypted');
  assert.equal(privateKeyIn(written('rsa', { type: 'pkcs1', ...under }).pem), 'encrypted');
});

test('keys that no browser signs by are named as such', () => {
  assert.equal(privateKeyIn(written('ec', { type: 'pkcs8' }, 'K').pem), 'kind');
  assert.equal(privateKeyIn(written('ec', { type: 'sec1' }, 'K').pem), 'kind');
  const { pem } = written('ec', { type: 'sec1' }, 'P-256');
  assert.equal(privateKeyIn(pem.replace(/EC PRIVATE/g, 'DSA PRIVATE')), 'kind');
});

test('certificates are all that is taken of a text for certificates', () => {
  const { pem } = written('rsa', { type: 'pkcs8' });
  const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  assert.equal(certificatesIn(`${block}${pem}# text\n${block.replace(/\n$/, '')}`), block + block);
  assert.equal(certificatesIn(pem), '');
  assert.equal(certificatesIn(`-----BEGIN CERTIFICATE-----\n${pem}-----END CERTIFICATE-----\n`), '');
});

test('long texts of what begins and never ends cost nothing', () => {
  const start = performance.now();
  assert.equal(privateKeyIn('-----BEGIN PRIVATE KEY-----\n'.repeat(1 << 15)), 'none');
  assert.equal(privateKeyIn('-----BEGIN PRIVATE KEY-----\n'.repeat(500)), 'none');
  assert(performance.now() - start < 500);
});

test('what is broken is no key', () => {
  const { pem } = written('rsa', { type: 'pkcs1' });
  const halved = pem.split('\n').filter((_, at, all) => at < all.length / 2 || at > all.length - 3).join('\n');
  const block = (text: string) => `-----BEGIN EC PRIVATE KEY-----\n${text}\n-----END EC PRIVATE KEY-----`;
  for (const text of ['', 'x', pem.slice(0, 200), block(''), block('!'), block('MAA='), block('MIT/////')]) {
    assert.equal(privateKeyIn(text), 'none', text);
  }
  assert(typeof privateKeyIn(halved) !== 'string', 'RSA is wrapped unread: the browser says of it what it is');
});
