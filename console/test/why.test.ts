import assert from 'node:assert/strict';
import { test } from 'node:test';

import { now } from '../src/model/age';
import { ingressWhy, type IngressFacts, podsBehind } from '../src/model/ingresswhy';
import { isUnscheduled } from '../src/model/obstacles';
import { podWhy } from '../src/model/pod';
import { refusalOf } from '../src/model/refusal';
import { schedulingWhy } from '../src/model/scheduling';
import { event, ingress, meta, node, pod, service, slice } from './objects';

test('what makes pods is refused until something was made after that', () => {
  const at = (second: number, reason: string, message = '') => event(`e${second}`, { reason, message, lastTimestamp: `2026-01-02T03:04:0${second}Z` });
  const refused = at(2, 'FailedCreate', 'exceeded quota');
  assert.equal(refusalOf([], [at(1, 'SuccessfulCreate'), refused, at(3, 'Other')], false), 'exceeded quota');
  assert.equal(refusalOf([], [refused, at(3, 'SuccessfulCreate')], false), '');
  assert.equal(refusalOf([], [refused], true), '', 'its condition would say so');
  assert.equal(refusalOf([{ type: 'ReplicaFailure', status: 'True', message: 'no' }], [], true), 'no');
});

test('an Ingress that leads nowhere says what of it, and why', () => {
  const facts = (given: Partial<IngressFacts>): IngressFacts =>
    ({ services: [], slices: [], classes: null, nodes: null, pods: [], events: [], whyOf: podWhy, ...given });
  const served = (name: string) => ({ ...ingress('shop', 'shop.example', name), status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });
  const web = service('web');
  const answered = { services: [web], slices: [slice('web', [{ name: 'web-1' }])] };
  assert.deepEqual(ingressWhy(served('web'), facts(answered)), []);
  assert.deepEqual(ingressWhy(served('nosuch'), facts(answered)), ['shop.example/ leads to the service nosuch, which does not exist']);
  assert.deepEqual(ingressWhy(served('nosuch'), facts({ services: null })), [], 'they may not be seen');
  const port = served('web');
  port.spec.defaultBackend = { service: { name: 'web', port: { number: 81 } } };
  assert.deepEqual(ingressWhy(port, facts(answered)), ['everything else leads to port 81 of the service web, which has no such port of TCP']);
  assert.deepEqual(ingressWhy(served('web'), facts({ services: [web] })),
    ['nobody answers behind shop.example/, for service web: No pod of this namespace has app=web.']);
  assert.deepEqual(podsBehind(served('web'), [web], [pod('a', { meta: { labels: { app: 'web' } } }), pod('b')]).map((each) => each.metadata.name), ['a']);
  const unserved = ingress('shop', 'shop.example', 'web');
  const own = { metadata: meta('skiff'), spec: { controller: 'skiff.io/ingress' } };
  const of = (given: Partial<IngressFacts>, made = unserved) => ingressWhy(made, facts({ ...answered, ...given }))[0];
  assert.match(of({ classes: [] })!, /names no class, and none is the default/);
  assert.match(of({ classes: [own] })!, /it has no address/, 'ours needs no mark');
  assert.match(of({ classes: [own] }, { ...unserved, spec: { ...unserved.spec, ingressClassName: 'nginx' } })!, /no ingress class nginx/);
  assert.match(of({ classes: [own], events: [event('e', { reason: 'PortTaken', message: 'port 80 is taken' })] })!, /not served: port 80 is taken/);
  const fake = { ...node('n1'), status: { nodeInfo: { containerRuntimeVersion: 'fake://1.0' } } };
  assert.match(of({ nodes: [fake] })!, /all nodes are simulated/);
});

test('a pod that asks for a scheduler that does not run waits for it', () => {
  const waiting = pod('web', { phase: 'Pending', spec: { schedulerName: 'mine' }, status: { conditions: [] } });
  const facts = { nodes: [node('n1')], loads: new Map(), claims: [], volumes: [], resourceClaims: [], templates: [] };
  now.value = Date.parse(waiting.metadata.creationTimestamp) + 60_000;
  assert.equal(isUnscheduled(waiting), true);
  assert.equal(schedulingWhy(waiting, facts), 'the scheduler mine that it asks for has not looked at it: does it run?');
  now.value -= 59_000;
  assert.equal(schedulingWhy(waiting, facts), '', 'it was just made');
  const usual = pod('web', { phase: 'Pending', spec: { schedulerName: 'default-scheduler' }, status: { conditions: [] } });
  assert.equal(isUnscheduled(usual), false);
});
