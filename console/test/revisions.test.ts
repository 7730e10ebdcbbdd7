import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Pod, Workload } from '../src/api/types';
import { type ControllerRevision, turnOf } from '../src/model/revisions';
import { meta, pod } from './objects';

function revision(of: string, number: number, hash: string, image: string, labels: object = {}): ControllerRevision {
  return {
    metadata: meta(`${of}-${hash}`, { labels, ownerReferences: [{ kind: 'X', name: of, uid: `uid-${of}`, controller: true }] }),
    revision: number, data: { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } },
  };
}

function podOf(of: string, name: string, hash: string, ready = true, status?: object): Pod {
  return pod(name, { node: 'n1', ready, status, meta: {
    labels: { 'controller-revision-hash': hash }, ownerReferences: [{ kind: 'X', name: of, uid: `uid-${of}`, controller: true }],
  } });
}

function set(status: object, spec: object = {}): Workload {
  return { metadata: meta('db', { generation: 2 }), spec: { replicas: 3, template: { spec: { containers: [] } }, ...spec }, status: { observedGeneration: 2, ...status } };
}

test('a StatefulSet turns pod by pod, and what it was is its history', () => {
  const kept = [revision('db', 1, 'a', 'db:1'), revision('db', 2, 'b', 'db:2'), revision('other', 9, 'c', 'x')];
  kept[0]!.metadata.annotations = { 'kubernetes.io/change-cause': 'the first' };
  const pods = [podOf('db', 'db-0', 'db-a'), podOf('db', 'db-1', 'db-a'), podOf('db', 'db-2', 'db-b', false), podOf('other', 'o', 'db-a')];
  const turn = turnOf(set({ replicas: 3, readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 }), kept, pods);
  assert.deepEqual([turn.word, turn.tone, turn.wanted, turn.ready, turn.updated], ['progressing', 'busy', 3, 2, 1]);
  assert.deepEqual(turn.revisions.map((each) => [each.number, each.isNew, each.pods.length, each.ready, each.images.join(), each.cause]),
    [[2, true, 1, 0, 'db:2', ''], [1, false, 2, 2, 'db:1', 'the first']]);
  assert.match(turn.strategy, /from the last$/);
  const done = { replicas: 3, readyReplicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  const wordOf = (status: object, spec: object = {}) => turnOf(set(status, spec), kept, pods).word;
  assert.equal(wordOf(done), 'complete');
  assert.equal(wordOf({ ...done, observedGeneration: 1 }), 'progressing', 'nobody has looked at it');
  assert.equal(wordOf({ ...done, readyReplicas: 2, availableReplicas: 2 }), 'unavailable');
  assert.equal(wordOf({ replicas: 0 }, { replicas: 0 }), 'scaledDown');
  const held = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } };
  assert.equal(wordOf({ ...done, updatedReplicas: 1 }, held), 'complete', 'so far as it is to go');
  assert.equal(wordOf({ ...done, updatedReplicas: 0 }, { updateStrategy: { type: 'OnDelete' } }), 'complete', 'somebody else has to');
});

test('a DaemonSet counts by nodes, and its pods say the hash alone', () => {
  const kept = [revision('db', 4, 'a', 'db:1', { 'controller-revision-hash': 'a' }), revision('db', 3, 'b', 'db:2', { 'controller-revision-hash': 'b' })];
  const failing = { phase: 'Running', containerStatuses: [{ name: 'main', ready: false, restartCount: 3, image: '', state: { waiting: { reason: 'CrashLoopBackOff' } } }] };
  const pods = [podOf('db', 'x', 'a'), podOf('db', 'y', 'b', false, failing)];
  const counts = { desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 1, updatedNumberScheduled: 1, numberAvailable: 1 };
  const turn = turnOf(set(counts), kept, pods);
  assert.deepEqual([turn.word, turn.tone, turn.stuck?.metadata.name], ['progressing', 'warn', 'y']);
  assert.deepEqual(turn.revisions.map((each) => each.pods.map(({ metadata }) => metadata.name).join()), ['x', 'y']);
  assert.equal(turn.strategy, 'node by node: at most 1 missing');
  const none = { desiredNumberScheduled: 0, currentNumberScheduled: 0, numberReady: 0 };
  assert.equal(turnOf(set(none), kept, []).word, 'complete', 'no node is for it');
});
