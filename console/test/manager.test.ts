import assert from 'node:assert/strict';
import { test } from 'node:test';

import { kShared, managerOf, sharedEntry } from '../src/model/manager';

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

test('what was applied under the shared name is found, unless it is his already', () => {
  const applied = { manager: kShared, operation: 'Apply' };
  const updated = { manager: kShared, operation: 'Update' };
  const status = { manager: kShared, operation: 'Apply', subresource: 'status' };
  assert.equal(sharedEntry([updated, status, applied], managerOf('jane')), 2);
  assert.equal(sharedEntry([updated, status], managerOf('jane')), -1);
  assert.equal(sharedEntry([applied, { ...applied, manager: managerOf('jane') }], managerOf('jane')), -1);
  assert.equal(sharedEntry(undefined, managerOf('jane')), -1);
});
