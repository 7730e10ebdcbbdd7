import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { kinds } from '../src/api/kinds';
import type { Obj } from '../src/api/types';

// What a page has, and Node has not.
Object.assign(globalThis, {
  window: globalThis,
  location: { pathname: '/console/', hash: '', search: '' },
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  requestAnimationFrame: (run: () => void) => setTimeout(run, 0),
  document: { addEventListener: () => undefined, hidden: false },
});

interface Question {
  path: string;
  accept: string;
  answer: (body: unknown, status?: number) => void;
}
const questions: Question[] = [];
globalThis.fetch = ((path: string, given: RequestInit) =>
  new Promise<Response>((resolve, reject) => {
    given.signal?.addEventListener('abort', () => reject(new Error('aborted')));
    const { Accept } = given.headers as Record<string, string>;
    const answer = (body: unknown, status = 200) => resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }));
    questions.push({ path, accept: Accept!, answer });
  })) as typeof fetch;
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

test('what has no table is followed as what it is', async () => {
  const { Watch } = await import('../src/api/watch');
  questions.length = 0;
  const seen = new Promise<Obj[]>((resolve) => {
    const sink = { replace: resolve, put: () => undefined, drop: () => undefined, state: () => undefined };
    const watch = new Watch('/apis/a/v1/things', {}, sink, true);
    void Promise.resolve().then(() => seen).then(() => watch.close());
  });
  await turn();
  assert.equal(/as=Table;.*,application\/json$/.test(questions[0]!.accept), true);
  const metadata = { name: 'a', uid: 'u', resourceVersion: '1' };
  const end = { resourceVersion: '2', annotations: { 'k8s.io/initial-events-end': 'true' } };
  questions[0]!.answer([{ type: 'ADDED', object: { metadata } }, { type: 'BOOKMARK', object: { metadata: end } }]
    .map((each) => `${JSON.stringify(each)}\n`).join(''));
  assert.deepEqual((await seen).map((each) => each.metadata.name), ['a']);
});

test('a server that knows no watch-list is asked for a list, and watched from there', async () => {
  const { Watch } = await import('../src/api/watch');
  questions.length = 0;
  const said: string[] = [];
  const sink = {
    replace: (all: Obj[]) => said.push(`all ${all.map((each) => each.metadata.name).join()}`), put: () => undefined,
    drop: () => undefined, state: (state: string, error?: Error) => said.push(`${state} ${error?.message ?? ''}`),
  };
  const watch = new Watch('/apis/a/v1/things', { limit: '5' }, sink);
  await turn();
  questions[0]!.answer({ kind: 'Status', code: 422, message: 'sendInitialEvents is forbidden' }, 422);
  await turn();
  assert.equal(questions[1]!.path.endsWith('/apis/a/v1/things?limit=5'), true, questions[1]!.path);
  questions[1]!.answer({ metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'a' } }] });
  await turn();
  assert.deepEqual(said, ['all a', 'live ']);
  assert.equal(/watch=1.*resourceVersion=7/.test(questions[2]!.path), true, questions[2]!.path);
  watch.close();
});

// A sink that keeps what it was told, in words.
function told() {
  const said: string[] = [];
  const sink = {
    replace: (all: Obj[]) => said.push(`all ${all.map((each) => each.metadata.name).join()}`), put: () => undefined,
    drop: () => undefined, state: (state: string, error?: Error) => said.push(`${state} ${error?.message ?? ''}`.trim()),
  };
  return { said, sink };
}
// What was answered is taken in, whether or not timers stand still.
async function settle() {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
const forbidden = (verb: string) => ({ kind: 'Status', code: 403, message: `you may not ${verb} things` });
const listOf = (name: string) => ({ metadata: { resourceVersion: '7' }, items: [{ metadata: { name } }] });

test('what may be listed and not watched is listed now and then, and at once after a write', async () => {
  const { kListedMs, Watch } = await import('../src/api/watch');
  const { patch } = await import('../src/api/request');
  questions.length = 0;
  const { said, sink } = told();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const watch = new Watch('/apis/a/v1/things', {}, sink);
    await settle();
    questions[0]!.answer(forbidden('watch'), 403);
    await settle();
    assert.equal(questions[1]!.path.includes('watch='), false, questions[1]!.path);
    questions[1]!.answer(listOf('a'));
    await settle();
    assert.deepEqual(said, ['all a', 'listed']);
    assert.equal(questions.length, 2, 'and not all the time');
    mock.timers.tick(kListedMs);
    await settle();
    questions[2]!.answer(listOf('b'));
    await settle();
    assert.deepEqual(said.slice(2), ['all b', 'listed']);
    const done = patch('/apis/a/v1/things/b', {});
    await settle();
    questions[3]!.answer({});
    await done;
    mock.timers.tick(1_000);
    await settle();
    assert.equal(questions.length, 5, 'who changed something sees it');
    questions[4]!.answer(forbidden('watch'), 403);
    await settle();
    questions[5]!.answer(forbidden('list'), 403);
    await settle();
    assert.deepEqual(said.at(-1), 'refused you may not list things');
    // Somebody gives the right to watch.
    watch.retry();
    await settle();
    assert.equal(questions[6]!.path.includes('watch=1'), true, questions[6]!.path);
    watch.close();
  } finally {
    mock.timers.reset();
  }
});

test('who may get one object, and neither watch nor list its kind, sees it', async () => {
  const { Watch } = await import('../src/api/watch');
  questions.length = 0;
  const { said, sink } = told();
  const watch = new Watch('/apis/a/v1/things', { fieldSelector: 'metadata.name=a' }, sink);
  await settle();
  questions[0]!.answer(forbidden('watch'), 403);
  await settle();
  questions[1]!.answer(forbidden('list'), 403);
  await settle();
  assert.equal(questions[2]!.path.endsWith('/apis/a/v1/things/a'), true, questions[2]!.path);
  questions[2]!.answer({ metadata: { name: 'a', uid: 'u', resourceVersion: '3' } });
  await settle();
  assert.deepEqual(said, ['all a', 'listed']);
  watch.retry();
  await settle();
  questions[3]!.answer(forbidden('watch'), 403);
  await settle();
  questions[4]!.answer(forbidden('list'), 403);
  await settle();
  questions[5]!.answer({ kind: 'Status', code: 404 }, 404);
  await settle();
  assert.deepEqual(said.slice(2), ['all ', 'listed']);
  watch.close();
});

test('a server that comes back with less is read anew, and one with more is followed on', async () => {
  const { Watch } = await import('../src/api/watch');
  const end = { resourceVersion: '900', annotations: { 'k8s.io/initial-events-end': 'true' } };
  for (const [now, goesOn] of [['1000', true], ['90', false]] as const) {
    questions.length = 0;
    const { sink } = told();
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const watch = new Watch('/apis/a/v1/things', {}, sink);
      await settle();
      questions[0]!.answer(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: end } })}\n`);
      await settle();
      assert.equal(questions[1]!.path.includes('resourceVersion=900'), true, questions[1]!.path);
      questions[1]!.answer({ kind: 'Status', code: 503, message: 'going' }, 503);
      await settle();
      mock.timers.tick(1_000);
      await settle();
      assert.equal(questions[2]!.path.includes('limit=1'), true, questions[2]!.path);
      questions[2]!.answer({ metadata: { resourceVersion: now }, items: [] });
      await settle();
      assert.equal(questions[3]!.path.includes('resourceVersion=900'), goesOn, questions[3]!.path);
      assert.equal(questions[3]!.path.includes('sendInitialEvents'), !goesOn, questions[3]!.path);
      watch.close();
      await settle(); // It clears its timers, while they are those that it set.
    } finally {
      mock.timers.reset();
    }
  }
});

test('after some lists it is tried whether a watch is allowed now', async () => {
  const { kListedMs, Watch } = await import('../src/api/watch');
  questions.length = 0;
  const { said, sink } = told();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const watch = new Watch('/apis/a/v1/things', {}, sink);
    const order: string[] = [];
    while (order.length < 9) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(questions.length, order.length + 1, order.join(''));
      const { path, answer } = questions.at(-1)!;
      const watched = path.includes('watch=1');
      order.push(watched ? 'w' : 'l');
      if (order.length === 9) break;
      if (watched) answer({ kind: 'Status', code: 405, message: 'nobody can watch these' }, 405);
      else answer(listOf('a'));
      await new Promise((resolve) => setImmediate(resolve));
      if (!watched) mock.timers.tick(kListedMs);
    }
    assert.equal(order.join(''), 'wllwllllw');
    const end = { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } };
    questions.at(-1)!.answer(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: end } })}\n`);
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(said.includes('live'), true, said.join());
    watch.close();
  } finally {
    mock.timers.reset();
  }
});

test('who asks twice to try again is not refused what may be listed', async () => {
  const { kListedMs, Watch } = await import('../src/api/watch');
  questions.length = 0;
  const { said, sink } = told();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const watch = new Watch('/apis/a/v1/things', {}, sink);
    await settle();
    questions[0]!.answer(forbidden('watch'), 403);
    await settle();
    questions[1]!.answer(forbidden('list'), 403);
    await settle();
    watch.retry();
    await settle();
    questions[2]!.answer(forbidden('watch'), 403);
    await settle();
    watch.retry(); // The list is under way, and the button is still there.
    questions[3]!.answer(listOf('a'));
    await settle();
    mock.timers.tick(kListedMs);
    await settle();
    questions[4]!.answer(forbidden('watch'), 403);
    await settle();
    questions[5]!.answer(listOf('b'));
    await settle();
    assert.deepEqual(said.slice(-2), ['all b', 'listed']);
    watch.close();
  } finally {
    mock.timers.reset();
  }
});

test('a list that is not answered is given up, and asked for again', async () => {
  const { Watch } = await import('../src/api/watch');
  questions.length = 0;
  const { said, sink } = told();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const watch = new Watch('/apis/a/v1/things', {}, sink);
    await settle();
    questions[0]!.answer(forbidden('watch'), 403);
    await settle();
    mock.timers.tick(150_000);
    await settle();
    assert.equal(said.at(-1)?.startsWith('away'), true, said.join());
    mock.timers.tick(1_000);
    await settle();
    questions[2]!.answer(listOf('a'));
    await settle();
    assert.deepEqual(said.slice(-2), ['all a', 'listed']);
    watch.close();
  } finally {
    mock.timers.reset();
  }
});

test('what a list has as it was stays the same object', async () => {
  const { liveOf } = await import('../src/api/live');
  const live = liveOf(kinds.pods, 'kept', {});
  const pod = (name: string, resourceVersion: string) => ({ metadata: { name, uid: name, resourceVersion } }) as Obj;
  live.replace([pod('a', '1'), pod('b', '1')]);
  const [a, b] = live.list;
  live.replace([pod('a', '1'), pod('b', '2'), pod('c', '1')]);
  live.publish();
  assert.equal(live.list.length, 3);
  assert.equal(live.list[0], a);
  assert.equal(live.list[1] === b, false);
  const used = (cpu: string) => ({ metadata: { name: 'u', uid: 'u' }, cpu }) as unknown as Obj;
  live.replace([used('1')]);
  live.replace([used('2')]);
  live.publish();
  assert.deepEqual(live.list, [{ metadata: { name: 'u', uid: 'u', managedFields: undefined }, cpu: '2' }]);
  live.end();
});

test('what one user was told of kinds is nothing of the next', async () => {
  const { lookAgain, offered } = await import('../src/api/discovery');
  const { forgetAll } = await import('../src/api/live');
  const told = (resource: string) => ({
    items: [{ metadata: { name: 'g' }, versions: [{ version: 'v1', resources: [{ resource, verbs: ['list'] }] }] }],
  });
  questions.length = 0;
  const first = lookAgain();
  forgetAll();
  const second = lookAgain();
  assert.equal(questions.length, 4, 'the next asks himself');
  for (const { answer } of questions.slice(0, 2)) answer(told('theirs'));
  await first;
  assert.equal(offered.value, null);
  for (const { answer } of questions.slice(2)) answer(told('mine'));
  await second;
  assert.equal(offered.value?.every((each) => each.kind.plural === 'mine'), true);
});

test('what was defined since has a schema', async () => {
  const { schemaOf } = await import('../src/api/schema');
  const custom = (kind: string) => ({ group: 'g', version: 'v1', plural: `${kind.toLowerCase()}s`, kind, namespaced: true });
  const told = (...names: string[]) => ({
    components: {
      schemas: Object.fromEntries(names.map((kind) => [kind, {
        type: 'object', 'x-kubernetes-group-version-kind': [{ group: kind === 'Deployment' ? 'apps' : 'g', version: 'v1', kind }],
      }])),
    },
  });
  questions.length = 0;
  const old = schemaOf(custom('Old'));
  questions[0]!.answer(told('Old'));
  assert(await old);
  const young = schemaOf(custom('Young'));
  questions[1]?.answer(told('Old', 'Young'));
  assert(await young);
  for (let round = 0; round < 2; round += 1) {
    const known = schemaOf(kinds.deployments);
    questions[2]!.answer(told('Deployment'));
    assert(await known);
  }
  assert.equal(questions.length, 3, 'what cannot change is asked once');
});

test('what somebody asked for who was gone before he looked is not followed for ever', async () => {
  const { allLives, liveOf } = await import('../src/api/live');
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    for (let view = 0; view < 1_000; view += 1) liveOf(kinds.pods, 'a', { name: `pod-${view}` });
    const looked = liveOf(kinds.pods, 'a', { name: 'looked-at' });
    const leave = looked.use();
    mock.timers.tick(86_400_000);
    assert.deepEqual(allLives(), [looked]);
    leave();
    assert.equal(liveOf(kinds.pods, 'a', { name: 'looked-at' }), looked, 'who comes back soon');
    mock.timers.tick(20_000);
    assert.deepEqual(allLives(), []);
  } finally {
    mock.timers.reset();
  }
});

test('while a login is over nothing is asked as nobody, and watches go on after the next one', async () => {
  const { Watch } = await import('../src/api/watch');
  const { beginSession, endSession } = await import('../src/api/session');
  const somebody = { user: 'mate', groups: [] };
  beginSession({ ...somebody, token: 'old' }, false);
  endSession('expired');
  questions.length = 0;
  const { said, sink } = told();
  const watch = new Watch('/apis/a/v1/things', {}, sink);
  await turn();
  assert.deepEqual([questions.length, said], [0, []], 'nothing is refused to whoever is not logged in');
  beginSession({ ...somebody, token: 'new' }, false);
  await turn();
  assert.equal(questions.length, 1);
  watch.close();
  endSession('first');
});
