import assert from 'node:assert/strict';
import { test } from 'node:test';

import { kinds } from '../src/api/kinds';
import { isLogged, ownerPageOf, pageOf, saysMore, selectorOf } from '../src/model/logged';
import { pod } from './objects';

test('whatever selects pods has their logs', () => {
  const wanted = ['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'jobs', 'services'] as const;
  for (const each of wanted) assert.equal(isLogged(kinds[each]), true, each);
  for (const each of ['pods', 'nodes', 'cronjobs', 'configmaps'] as const) assert.equal(isLogged(kinds[each]), false, each);
  for (const [plural, group] of [['services', 'serving.knative.dev'], ['jobs', 'batch.volcano.sh']] as const) {
    assert.equal(isLogged({ ...kinds[plural], group }), false, group);
  }
});

test('a selector is sent as a whole', () => {
  const selector = {
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['a', 'b'] },
      { key: 'old', operator: 'NotIn', values: ['yes'] },
      { key: 'seen', operator: 'Exists' },
      { key: 'gone', operator: 'DoesNotExist' },
    ],
  };
  assert.equal(selectorOf(kinds.jobs, selector), 'app=web,tier in (a,b),old notin (yes),seen,!gone');
  assert.equal(selectorOf(kinds.services, { app: 'web', tier: 'a' }), 'app=web,tier=a');
  assert.equal(selectorOf(kinds.services, undefined), '');
  assert.equal(selectorOf(kinds.statefulsets, {}), '');
});

test('a pod that has ended says no more', () => {
  const of = (phase: string) => ({ ...pod('a'), status: { phase } });
  assert.equal(saysMore(of('Running')), true);
  assert.equal(saysMore(of('Succeeded')), false);
  assert.equal(saysMore(of('Failed')), false);
});

test('a log leads back to what it is of', () => {
  assert.deepEqual(pageOf(kinds.deployments, 's', 'n'), ['deployment', ['s', 'n']]);
  assert.deepEqual(pageOf(kinds.services, 's', 'n'), ['service', ['s', 'n']]);
  assert.deepEqual(pageOf(kinds.jobs, 's', 'n'), ['object', ['jobs', 's', 'n']]);
});

test('a pod leads to what made it, where that has a page', () => {
  const madeBy = (kind: string, apiVersion: string, name: string, labels = {}) =>
    ownerPageOf(pod('a', { meta: { labels, ownerReferences: [{ kind, apiVersion, name, uid: 'u', controller: true }] } }));
  assert.deepEqual(madeBy('ReplicaSet', 'apps/v1', 'web-5d4', { 'pod-template-hash': '5d4' }), ['deployment', ['shop', 'web']]);
  assert.deepEqual(madeBy('ReplicaSet', 'apps/v1', 'web'), ['object', ['replicasets', 'shop', 'web']], 'one of its own');
  assert.deepEqual(madeBy('StatefulSet', 'apps/v1', 'db'), ['object', ['statefulsets', 'shop', 'db']]);
  assert.deepEqual(madeBy('Node', 'v1', 'node-1'), ['object', ['nodes', '', 'node-1']], 'what a node runs by itself');
  assert.equal(madeBy('StatefulSet', 'apps.kruise.io/v1beta1', 'db'), null, 'of another group');
  assert.equal(ownerPageOf(pod('a')), null);
});
