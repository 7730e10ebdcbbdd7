import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

// What a page has, and Node has not.
Object.assign(globalThis, {
  window: globalThis,
  location: { pathname: '/console/', hash: '', search: '' },
  addEventListener: () => undefined,
  document: { addEventListener: () => undefined, hidden: false },
});
mock.timers.enable({ apis: ['setTimeout'] });

type Answer = () => Response;
let answers: Answer[] = [];
const told: string[] = [];
globalThis.fetch = (async (url: string, given: RequestInit) => {
  const { Authorization } = given.headers as Record<string, string>;
  told.push(`${given.method} ${url} ${Authorization}`);
  return (answers.length > 1 ? answers.shift()! : answers[0]!)();
}) as typeof fetch;

const status = (code: number, message: string): Answer => () => new Response(JSON.stringify({ message }), { status: code });
const away: Answer = () => {
  throw new TypeError('Failed to fetch');
};
const turn = () => new Promise((resolve) => setImmediate(resolve));
const kTold = 'DELETE /console/login Bearer skiff-console.a';

test('a logout that the server refuses is told of, and asked for again until it is heard', async () => {
  const { leave, owed } = await import('../src/api/goodbye');
  answers = [status(429, 'too many'), away, status(200, '')];
  const left = leave('skiff-console.a', 'jane');
  await turn();
  assert.deepEqual(owed.value, [{ token: 'skiff-console.a', user: 'jane', why: 'too many' }]);
  mock.timers.tick(1_000);
  await turn();
  assert.equal(owed.value.length, 1);
  assert.equal(/does not answer/.test(owed.value[0]!.why), true, owed.value[0]!.why);
  mock.timers.tick(2_000);
  await turn();
  assert.equal(await left, true);
  assert.deepEqual(owed.value, []);
  assert.deepEqual(told, [kTold, kTold, kTold]);
});

test('one that is heard at once needs no word', async () => {
  const { leave, owed } = await import('../src/api/goodbye');
  answers = [status(200, '')];
  assert.equal(await leave('skiff-console.a', 'jane'), false);
  assert.deepEqual(owed.value, []);
});

test('whoever asks for it is told at once, and of few sessions', async () => {
  const { leave, owed, tellAgain } = await import('../src/api/goodbye');
  answers = [away];
  const all = Array.from({ length: 12 }, (_, at) => leave(`skiff-console.${at}`, 'jane'));
  await turn();
  assert.deepEqual(owed.value.map(({ token }) => token), all.map((_, at) => `skiff-console.${at}`).slice(-8));
  answers = [status(200, '')];
  tellAgain();
  await turn();
  assert.deepEqual(await Promise.all(all), all.map((_, at) => at >= 4));
  assert.deepEqual(owed.value, []);
});

test('the page’s logout says so of its session, and of no token that somebody typed', async () => {
  const { sayGoodbye } = await import('../src/api/login');
  const { beginSession } = await import('../src/api/session');
  answers = [status(200, '')];
  told.length = 0;
  beginSession({ token: 'typed', user: 'joe', groups: [] }, false);
  assert.equal(await sayGoodbye(), false);
  assert.deepEqual(told, []);
  beginSession({ token: 'skiff-console.a', user: 'jane', groups: [] }, false);
  assert.equal(await sayGoodbye(), false);
  assert.deepEqual(told, [kTold]);
});
