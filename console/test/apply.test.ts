import assert from 'node:assert/strict';
import { test } from 'node:test';

// What a page has, and Node has not.
Object.assign(globalThis, {
  location: { pathname: '/console/', hash: '', search: '' },
  addEventListener: () => undefined,
  document: { addEventListener: () => undefined, hidden: false },
});
interface Asked {
  how: string;
  body: { metadata?: { resourceVersion?: string } } & { op?: string }[];
}
let asked: Asked[] = [];
let answers: (object | string[])[] = [];
// As the server answers one after the other: an object, or the words of a conflict.
globalThis.fetch = (async (url: string, { method, headers, body }: RequestInit) => {
  const type = (headers as Record<string, string>)['Content-Type']?.match(/json-patch|apply/)?.[0] ?? '';
  const query = new URL(url, 'http://h').searchParams;
  query.delete('fieldValidation');
  asked.push({ how: [method, type, ...[...query].map((each) => each.join('='))].filter(Boolean).join(' '), body: body ? JSON.parse(String(body)) : null });
  const answer = answers.shift();
  if (!Array.isArray(answer)) return new Response(JSON.stringify(answer));
  const causes = answer.map((message) => ({ reason: 'FieldManagerConflict', message, field: '.spec.replicas' }));
  return new Response(JSON.stringify({ reason: 'Conflict', message: 'no', details: { causes } }), { status: 409 });
}) as typeof fetch;

const kWanted = { metadata: { name: 'web' } } as never;
const kMine = 'fieldManager=skiff-console:jane';

function there(version: string, ...managedFields: object[]) {
  return { metadata: { name: 'web', resourceVersion: version, managedFields } };
}

async function applied(given: (object | string[])[], options: object = {}) {
  const { apply } = await import('../src/api/apply');
  const { beginSession } = await import('../src/api/session');
  beginSession({ token: 't', user: 'jane', groups: [] }, false);
  asked = [];
  answers = given;
  const error = await apply('/x', kWanted, options).then(() => null, (refused: Error) => refused);
  assert.equal(answers.length, 0);
  return { how: asked.map((each) => each.how), error };
}

test('each user applies as himself', async () => {
  assert.deepEqual((await applied([there('1'), {}])).how, ['GET', `PATCH apply ${kMine}`]);
  assert.deepEqual((await applied([{}], { before: null })).how, [`PATCH apply ${kMine}`]);
});

test('the shared name is taken up before he applies, and by nobody who only looks', async () => {
  const shared = there('1', { manager: 'skiff-console', operation: 'Apply', fieldsV1: {} });
  const took = await applied([shared, there('2'), {}]);
  assert.deepEqual(took.how, ['GET', `PATCH json-patch ${kMine}`, `PATCH apply ${kMine}`]);
  assert.deepEqual(asked[1]!.body.map((each) => each.op), ['test', 'replace']);
  assert.deepEqual((await applied([{}], { before: shared, dryRun: true })).how, ['PATCH apply fieldManager=skiff-console dryRun=All']);
  // Somebody wrote it meanwhile: what is there then counts.
  const late = await applied([shared, ['late'], there('2'), {}]);
  assert.deepEqual(late.how, ['GET', `PATCH json-patch ${kMine}`, 'GET', `PATCH apply ${kMine}`]);
});

test('nobody is in his own way, and nothing of others is taken over with it', async () => {
  const own = ['conflict with "skiff-console:jane" with subresource "scale" using apps/v1'];
  const took = await applied([there('7'), own, {}]);
  assert.deepEqual(took.how, ['GET', `PATCH apply ${kMine}`, `PATCH apply ${kMine} force=true`]);
  assert.equal(asked[1]!.body.metadata?.resourceVersion, undefined);
  assert.equal(asked[2]!.body.metadata?.resourceVersion, '7');
  // Of what others have written since, nothing is forced.
  const joe = ['conflict with "skiff-console:joe" using apps/v1'];
  const late = await applied([there('7'), own, ['the object has been modified'], there('8'), joe]);
  assert.deepEqual(late.how.map((each) => each.includes('force')), [false, false, true, false, false]);
  assert.equal(late.error?.message, 'no');
});

test('a conflict with another user says who it is, and forces nothing', async () => {
  const { othersIn } = await import('../src/api/apply');
  const both = ['conflict with "skiff-console" using apps/v1', 'conflict with "skiff-console:joe" using apps/v1'];
  const { how, error } = await applied([there('1'), both]);
  assert.deepEqual(how, ['GET', `PATCH apply ${kMine}`]);
  assert.deepEqual(othersIn(error as never).map((each) => each.message), both.slice(1));
  assert.deepEqual((await applied([there('1'), {}], { force: true })).how, ['GET', `PATCH apply ${kMine} force=true`]);
});
