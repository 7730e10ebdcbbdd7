import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Kind, kindOf, kinds } from '../src/api/kinds';
import type { EventObj, Obj } from '../src/api/types';
import { isAbout } from '../src/model/event';
import { event, meta, pod } from './objects';

test('a kind is one of its group', () => {
  assert.equal(kindOf('Service', 'v1'), kinds.services);
  assert.equal(kindOf('Service', 'serving.knative.dev/v1'), undefined);
  assert.equal(kindOf('Deployment', 'apps/v1beta1'), kinds.deployments, 'in any version');
  assert.equal(kindOf('Deployment', 'v1'), undefined);
  assert.equal(kindOf('Deployment'), kinds.deployments, 'where no group is said');
});

test('events are those of the object, not of what has its name in another group or had it before', () => {
  const about = (kind: Kind, object: Obj, involvedObject: EventObj['involvedObject']) =>
    isAbout(kind, object, event('e', { involvedObject }));
  const web = { metadata: meta('web', { uid: 'one' }) };
  assert.equal(about(kinds.services, web, { apiVersion: 'v1', uid: 'one' }), true);
  assert.equal(about(kinds.services, web, {}), true, 'that say no more');
  assert.equal(about(kinds.services, web, { apiVersion: 'v1', uid: 'two' }), false);
  assert.equal(about(kinds.services, web, { apiVersion: 'serving.knative.dev/v1' }), false);
  assert.equal(about({ ...kinds.services, group: 'serving.knative.dev' }, web, { apiVersion: 'v1' }), false);
  assert.equal(about(kinds.deployments, web, { apiVersion: 'apps/v1beta1', uid: 'one' }), true);
  const node = { metadata: { ...meta('node-1', { uid: 'three' }), namespace: undefined } };
  assert.equal(about(kinds.nodes, node, { uid: 'node-1' }), true);
  assert.equal(about(kinds.nodes, node, { apiVersion: 'v1', uid: 'three' }), true);
  const mirror = pod('etcd', { meta: { annotations: { 'kubernetes.io/config.mirror': 'hash' } } });
  assert.equal(about(kinds.pods, mirror, { apiVersion: 'v1', uid: 'hash' }), true);
});
