import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytesOf, privateKeyIn } from '../src/model/key';
import { isOf, written } from './keys';

// What a page has, and Node has not.
Object.assign(globalThis, {
  location: { pathname: '/console/', hash: '', search: '', origin: 'https://here:6443' },
  addEventListener: () => undefined,
  document: { addEventListener: () => undefined, hidden: false },
});
let refusal: { status: number; message: string } | null = null;
let unknown = false;
let username = 'jane';
let sent: { url: string; body: string }[] = [];
globalThis.fetch = (async (url: string, given: RequestInit) => {
  sent.push({ url: given.method === 'DELETE' ? `DELETE ${url}` : url, body: String(given.body) });
  if (url === '/console/challenge') return new Response('{"challenge": "1.2.3"}');
  if (url === '/console/login') {
    if (refusal === null) return new Response('{"token": "skiff-console.t"}');
    return new Response(JSON.stringify(refusal), { status: refusal.status });
  }
  if (unknown) return new Response('{"message": "not now"}', { status: 503 });
  return new Response(JSON.stringify({ status: { userInfo: { username, groups: [] } } }));
}) as typeof fetch;

const kCertificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

function configOf(user: Record<string, string>): string {
  const fields = Object.entries(user).map(([name, value]) => `    ${name}: ${value}`);
  return `users:\n- name: jane\n  user:\n${fields.join('\n')}\n`;
}

async function userOf(fields: Record<string, string>) {
  const { readKubeconfig } = await import('../src/api/login');
  return (await readKubeconfig(configOf(fields)))[0]!;
}

const { pem, publicKey } = written('ec', { type: 'sec1' }, 'P-256');
const kUser = { 'client-certificate-data': btoa(kCertificate), 'client-key-data': btoa(pem) };

test('a certificate logs in by a signature, and its key goes nowhere', async () => {
  const { loginAs } = await import('../src/api/login');
  const { session } = await import('../src/api/session');
  const user = await userOf(kUser);
  assert.equal(user.why, '');
  assert.equal(await loginAs(user, false), '');
  assert.equal(session.value?.user, 'jane');
  assert.equal(session.value?.token, 'skiff-console.t');
  const shown = JSON.parse(sent[1]!.body) as Record<string, string>;
  assert.equal(shown.certificate, kCertificate);
  assert.equal(shown.challenge, '1.2.3');
  assert.equal(shown.origin, 'https://here:6443');
  const key = privateKeyIn(pem);
  assert(typeof key !== 'string');
  const text = 'skiff console: login by the key of a client certificate\nhttps://here:6443\n1.2.3';
  const signature = bytesOf(shown.signature!.replace(/-/g, '+').replace(/_/g, '/'));
  assert(await isOf(key, publicKey, signature, new TextEncoder().encode(text)));
  const secret = pem.split('\n')[1]!;
  assert(sent.every(({ body }) => !body.includes(secret) && !body.includes('PRIVATE') && !body.includes(btoa(pem))));
});

test('of one text with certificate and key the certificates alone are sent', async () => {
  const { loginAs } = await import('../src/api/login');
  const combined = btoa(`# of a kubelet\n${kCertificate}${pem}${kCertificate}`);
  sent = [];
  const user = await userOf({ 'client-certificate-data': combined, 'client-key-data': combined });
  assert.equal(await loginAs(user, false), '');
  const shown = JSON.parse(sent[1]!.body) as Record<string, string>;
  assert.equal(shown.certificate, kCertificate + kCertificate);
  assert(sent.every(({ body }) => !body.includes('PRIVATE')));
});

test('a session that nobody comes to be in is released, and the key not blamed', async () => {
  const { loginAs } = await import('../src/api/login');
  unknown = true;
  sent = [];
  assert.equal(await loginAs(await userOf(kUser), false), 'not now');
  assert(sent.some(({ url }) => url === 'DELETE /console/login'));
  unknown = false;
});

test('what the server says of a certificate is told', async () => {
  const { loginAs } = await import('../src/api/login');
  refusal = { status: 401, message: 'this certificate is good until then, and not now' };
  assert.equal(await loginAs(await userOf(kUser), false), refusal.message);
  refusal = null;
});

test('a key that the browser does not take is told of', async () => {
  const { loginAs } = await import('../src/api/login');
  const broken = '-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n';
  sent = [];
  const told = await loginAs(await userOf({ ...kUser, 'client-key-data': btoa(broken) }), false);
  assert(told.startsWith('This browser cannot sign by the key'), told);
  assert.equal(sent.length, 0);
});

test('who cannot log in is told what he can do instead', async () => {
  const whys = {
    'kubectl config view --raw --flatten': { 'client-certificate': '/c.crt', 'client-key': '/c.key' },
    'Paste what is in /t as a token': { tokenFile: '/t' },
    'gets its token from a command': { exec: '{command: aws}' },
    'no user with a token or a certificate': { username: 'x', password: 'y' },
    'pass phrase': {
      ...kUser,
      'client-key-data': btoa(written('rsa', { type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).pem),
    },
    'a certificate and no key': { 'client-certificate-data': btoa(kCertificate) },
    'acts as somebody else': { ...kUser, as: 'root' },
    'kubectl config view --raw': { 'client-certificate-data': 'DATA+OMITTED', 'client-key-data': 'DATA+OMITTED' },
    'REDACTED). Paste': { token: 'REDACTED' },
    'no certificate that can be read': { ...kUser, 'client-certificate-data': kUser['client-key-data'] },
    'has as a key is none': { ...kUser, 'client-key-data': '"!"' },
  };
  for (const [words, fields] of Object.entries(whys)) {
    const { why, token, proof } = await userOf(fields as Record<string, string>);
    assert(why.includes(words), `${words}: ${why}`);
    assert.equal(token, '');
    assert.equal(proof, null);
  }
});

test('a certificate comes before a token, and a token before a key that is of no use', async () => {
  const both = await userOf({ ...kUser, token: 'abc' });
  assert.equal(both.token, '');
  assert(both.proof !== null);
  const { token, proof, why } = await userOf({ ...kUser, 'client-key-data': '"!"', token: 'abc' });
  assert.deepEqual({ token, proof, why }, { token: 'abc', proof: null, why: '' });
});

test('without a safe page no key signs', async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
  Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
  const { why } = await userOf(kUser);
  Object.defineProperty(globalThis, 'crypto', own);
  assert(why.includes('by https'), why);
});

test('who logs in is known to be of the namespace that his context names, and a service account of its own', async () => {
  const { loginAs, login, readKubeconfig } = await import('../src/api/login');
  const { endSession, takeHome } = await import('../src/api/session');
  const context = (name: string, user: string, more = '') => `- name: ${name}\n  context: {user: ${user}${more}}\n`;
  const text = `current-context: here\ncontexts:\n${context('other', 'jane', ', namespace: there')}${context('here', 'jane', ', namespace: shop')}` +
    `${context('bare', 'joe')}users:\n- {name: joe, user: {token: b}}\n- {name: jane, user: {token: a}}\n`;
  const users = await readKubeconfig(text);
  assert.deepEqual(users.map(({ name, namespace }) => [name, namespace]), [['jane', 'shop'], ['joe', '']]);
  endSession('first');
  assert.equal(await loginAs(users[0]!, false), '');
  assert.deepEqual([takeHome(), takeHome()], ['shop', ''], 'once');
  assert.equal(await loginAs(users[0]!, false), '');
  assert.equal(takeHome(), '', 'who only comes back stays where he is');
  endSession('first');
  username = 'system:serviceaccount:dev:guest';
  assert.equal(await login('t', false), '');
  assert.equal(takeHome(), 'dev');
  username = 'jane';
});
