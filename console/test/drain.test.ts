import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Pod } from '../src/api/types';
import { type Drain, drainOf, drainQuestion, leftBy } from '../src/model/drain';
import { pod } from './objects';

const by = (kind: string, controller = true) => ({ ownerReferences: [{ kind, name: 'x', uid: 'u', controller }] });
const cache = { volumes: [{ name: 'cache', emptyDir: {} }] };
const of = (...pods: Pod[]) =>
  Object.fromEntries(Object.entries(drainOf(pods)).map(([where, all]) => [where, (all as Pod[]).map((each) => each.metadata.name)]));

test('a drain evicts what a controller makes again elsewhere, and nothing that kubectl would refuse to', () => {
  assert.deepEqual(
    of(
      pod('set', { meta: by('ReplicaSet'), spec: { volumes: [{ name: 'settings', configMap: {} }] } }),
      pod('daemon', { meta: by('DaemonSet') }),
      pod('bare'),
      pod('owned', { meta: by('ReplicaSet', false) }),
      pod('cached', { meta: by('ReplicaSet'), spec: cache }),
      pod('bare-cached', { spec: cache }),
    ),
    { leaving: ['set'], daemons: ['daemon'], lone: ['bare', 'owned', 'bare-cached'], local: ['cached'] },
  );
});

test('a DaemonSet that owns a pod without being its controller does not bring it back', () => {
  const both = [{ kind: 'DaemonSet', name: 'x', uid: 'u' }, { kind: 'ReplicaSet', name: 'y', uid: 'v', controller: true }];
  assert.deepEqual(of(pod('set', { meta: { ownerReferences: both } })).leaving, ['set']);
  assert.deepEqual(of(pod('one', { meta: by('DaemonSet', false) })).lone, ['one']);
});

test('what is gone already, and mirrors, are nowhere in a drain', () => {
  assert.deepEqual(
    of(
      pod('mirror', { meta: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
      pod('going', { meta: { ...by('ReplicaSet'), deletionTimestamp: 'x' } }),
      pod('done', { phase: 'Succeeded' }), pod('failed', { phase: 'Failed' }),
    ),
    { leaving: [], daemons: [], lone: [], local: [] },
  );
});

test('who drains a node is told which pods stay', () => {
  const none: Drain = { leaving: [], daemons: [], lone: [], local: [] };
  assert(/onto n1, .*DaemonSets, without a controller or with an emptyDir stay/.test(drainQuestion('n1', null)));
  assert.equal(drainQuestion('n1', { ...none, leaving: [pod('a')] }), 'Let no new pods onto n1, and evict 1 pod?');
  const some: Drain = { leaving: [pod('a'), pod('b')], daemons: [pod('d')], lone: [pod('c')], local: [pod('e')] };
  assert.equal(drainQuestion('n1', some), 'Let no new pods onto n1, and evict 2 pods? What stays: 1 pod of DaemonSets; ' +
    '1 pod without a controller that would make it again (shop/c); 1 pod with an emptyDir, which would be lost (shop/e).');
  assert.equal(leftBy(some).length, 2);
  const seven = Array.from({ length: 7 }, (_, at) => pod(`p${at}`));
  assert.equal(leftBy({ ...none, local: seven })[0],
    '7 pods with an emptyDir, which would be lost (shop/p0, shop/p1, shop/p2, shop/p3, shop/p4 and 2 more)');
  assert.deepEqual(leftBy({ ...none, daemons: [pod('d')] }), []);
});
