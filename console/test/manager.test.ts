import assert from 'node:assert/strict';
import { test } from 'node:test';

import { handover, isOwnConflict, kShared, managerOf } from '../src/model/manager';

test('each user is a manager of his own', () => {
  assert.equal(managerOf('jane@example.com'), 'skiff-console:jane@example.com');
  assert.equal(managerOf('joe'), 'skiff-console:joe');
  assert.equal(managerOf('Zoë Ångström'), 'skiff-console:Zoë Ångström');
});

test('a name that Kubernetes would not take is cut, and stays apart from others', () => {
  const long = managerOf('é'.repeat(300));
  assert.equal(new TextEncoder().encode(long).length <= 128, true);
  assert.match(long, /^skiff-console:éé/);
  assert.equal(long === managerOf('é'.repeat(301)), false);
  assert.match(managerOf('a\nb'), /^skiff-console:a\?b#[0-9a-f]{8}$/);
  assert.equal(managerOf('a\nb') === managerOf('a\tb'), false);
});

const kJane = managerOf('jane');
const kWhole = { dryRun: false, whole: true };
const kTry = { dryRun: true, whole: true };
const kPart = { dryRun: false, whole: false };

function entry(manager: string, operation: string, fields: object, more: object = {}) {
  return { manager, operation, apiVersion: 'apps/v1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: fields, ...more };
}

// As a server does what a JSON patch of managedFields says.
function patched(entries: object[], { changes }: ReturnType<typeof handover>): object[] {
  const list = [...entries];
  for (const change of changes) {
    const at = Number(change.path.split('/').at(-1));
    if (change.op === 'test') assert.deepEqual(list[at], change.value);
    else list.splice(at, 1, ...(change.op === 'replace' ? [change.value as object] : []));
  }
  return list;
}

test('what was applied under the shared name becomes his who applies', () => {
  const theirs = entry(managerOf('joe'), 'Apply', { 'f:spec': { 'f:paused': {} } });
  const shared = entry(kShared, 'Apply', { 'f:spec': { 'f:replicas': {} } });
  const status = entry(kShared, 'Update', { 'f:status': {} }, { subresource: 'status' });
  for (const how of [kWhole, kPart]) {
    const took = handover([theirs, status, shared], kJane, how);
    assert.equal(took.as, kJane);
    assert.deepEqual(patched([theirs, status, shared], took), [theirs, status, { ...shared, manager: kJane }]);
  }
  assert.deepEqual(handover([theirs, status], kJane, kWhole), { as: kJane, changes: [] });
  assert.deepEqual(handover(undefined, kJane, kWhole), { as: kJane, changes: [] });
});

test('of several entries one has all their fields', () => {
  const mine = entry(kJane, 'Apply', { 'f:spec': { 'f:replicas': {}, 'f:template': { 'f:metadata': {} } }, 'f:metadata': { 'f:labels': {} } });
  const shared = entry(kShared, 'Apply', { 'f:spec': { 'f:paused': {}, 'f:template': { 'f:metadata': { 'f:labels': { 'f:a': {} } } } } });
  const typed = entry(kShared, 'Update', { 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {} } } } } } });
  const button = entry(kJane, 'Update', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' });
  const old = entry(kShared, 'Update', { 'f:spec': { 'f:size': {} } }, { apiVersion: 'apps/v1beta1' });
  const theirs = entry('kubectl', 'Update', { 'f:data': {} });
  const all = [shared, theirs, mine, typed, old, button];
  assert.deepEqual(patched(all, handover(all, kJane, kWhole)), [theirs, { ...mine, fieldsV1: {
    'f:metadata': { 'f:labels': {} },
    'f:spec': {
      'f:replicas': {}, 'f:paused': {},
      'f:template': {
        'f:metadata': { '.': {}, 'f:labels': { 'f:a': {} } },
        'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {} } } },
      },
    },
  } }]);
  assert.deepEqual(handover([theirs, mine], kJane, kWhole).changes, []);
});

test('what buttons wrote is of a text that says all of an object, and of no part of it', () => {
  const button = entry(kJane, 'Update', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' });
  assert.deepEqual(handover([button], kJane, kPart), { as: kJane, changes: [] });
  const { subresource: _, ...whole } = { ...button, operation: 'Apply', subresource: '' };
  for (const how of [kWhole, kTry]) assert.deepEqual(patched([button], handover([button], kJane, how)), [whole]);
});

test('a dry run makes nobody the manager of what he has not written', () => {
  const shared = entry(kShared, 'Apply', { 'f:spec': {} });
  const button = entry(kShared, 'Update', { 'f:metadata': {} });
  assert.deepEqual(handover([shared], kJane, kTry), { as: kShared, changes: [] });
  const tried = handover([button, shared], kJane, kTry);
  assert.equal(tried.as, kShared);
  assert.deepEqual(patched([button, shared], tried), [{ ...shared, fieldsV1: { 'f:spec': {}, 'f:metadata': {} } }]);
  const mine = entry(kJane, 'Apply', { 'f:spec': {} });
  assert.equal(handover([shared, mine], kJane, kTry).as, kJane);
});

test('whose conflict it is', () => {
  assert.equal(isOwnConflict('conflict with "skiff-console:jane" using apps/v1', kJane), true);
  assert.equal(isOwnConflict('conflict with "skiff-console:jane" with subresource "scale" using apps/v1', kJane), true);
  assert.equal(isOwnConflict('conflict with "skiff-console" using v1', kJane), true);
  assert.equal(isOwnConflict('conflict with "skiff-console:janet"', kJane), false);
  assert.equal(isOwnConflict('conflict with "skiff-console:joe" using v1', kJane), false);
});
