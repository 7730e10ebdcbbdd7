import assert from 'node:assert/strict';
import { test } from 'node:test';

// What a page has, and Node has not.
Object.assign(globalThis, {
  location: { pathname: '/console/', hash: '', search: '' },
  addEventListener: () => undefined,
  document: { addEventListener: () => undefined, hidden: false },
});
const asked: string[] = [];
globalThis.fetch = (async (url: string, given: RequestInit) => {
  const headers = (given.headers ?? {}) as Record<string, string>;
  asked.push(`${given.method} ${url} ${headers.Authorization ?? ''}`.trim());
  const body = url.endsWith('/login')
    ? { token: 'skiff-console.theirs' }
    : { status: { userInfo: { username: 'mallory', groups: ['g'] } } };
  return new Response(JSON.stringify(body));
}) as typeof fetch;

test('a link says who and where', async () => {
  const { linkIn } = await import('../src/model/link');
  assert.deepEqual(linkIn('https://h:1/console/#login=c0-d_e\n'), { code: 'c0-d_e', namespace: '' });
  assert.deepEqual(linkIn('https://h:1/console/?namespace=shop#login=c0de'), { code: 'c0de', namespace: 'shop' });
  assert.deepEqual(linkIn('?namespace=a%20b#login=c0de'), { code: 'c0de', namespace: 'a b' });
  assert.deepEqual(linkIn('#login=c0de'), { code: 'c0de', namespace: '' });
  for (const text of ['', 'eyJhbGciOi.J9', '#/pods?tab=login', '?namespace=shop', '#login=', '#login=a/b']) assert.equal(linkIn(text), null, text);
});

test('a link logs nobody in before he has said that it is he', async () => {
  const { accept, decline, offerOf } = await import('../src/api/login');
  const { owner, session } = await import('../src/api/session');
  const offer = await offerOf('c0de');
  assert.deepEqual(offer, { token: 'skiff-console.theirs', user: 'mallory', groups: ['g'] });
  assert.equal(session.value, null);
  assert.equal(owner.value, '');
  if (typeof offer === 'string') return;
  decline(offer);
  assert.equal(session.value, null);
  assert.equal(asked.at(-1), 'DELETE /console/login Bearer skiff-console.theirs');
  accept(offer, false);
  assert.equal(session.value?.user, 'mallory');
});
