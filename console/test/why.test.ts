import assert from 'node:assert/strict';
import { test } from 'node:test';

import { now } from '../src/model/age';
import { certificatesWhy, ingressWhy, type IngressFacts, podsBehind } from '../src/model/ingresswhy';
import { isUnscheduled } from '../src/model/obstacles';
import { podWhy } from '../src/model/pod';
import { refusalOf } from '../src/model/refusal';
import { unbalancedOf, unmadeOf } from '../src/model/unmade';
import { schedulingWhy } from '../src/model/scheduling';
import type { Ingress, Job, Service, Workload } from '../src/api/types';
import { kNamed, kOld } from './certificates';
import { event, ingress, meta, node, pod, replicaSet, service, slice } from './objects';

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
    ({ services: [], slices: [], classes: null, nodes: null, pods: [], events: [], whyOf: podWhy, secretOf: () => undefined, ...given });
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

test('an Ingress that leads to a name elsewhere, or by a rule without paths, says so where nobody serves that', () => {
  const own = { metadata: meta('skiff'), spec: { controller: 'skiff.io/ingress' } };
  const facts = (classes: IngressFacts['classes']): IngressFacts =>
    ({ services: [service('web', { type: 'ExternalName', externalName: 'web.example', ports: [] })], slices: [], classes, nodes: null, pods: [], events: [], whyOf: podWhy, secretOf: () => undefined });
  const served: Ingress = { ...ingress('shop', 'shop.example', 'web'), status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } };
  assert.deepEqual(ingressWhy(served, facts([own])), ["shop.example/ leads to the service web, which is of type ExternalName, and that skiff's controller does not serve: who asks gets 503"]);
  const others = { ...own, spec: { controller: 'k8s.io/ingress-nginx' } };
  assert.deepEqual(ingressWhy({ ...served, spec: { ...served.spec, ingressClassName: 'skiff' } }, facts([others])), [], 'what others serve is up to them');
  const empty = { ...served, spec: { rules: [{ host: 'shop.example' }, {}] } };
  const line = (host: string) => `${host} leads nowhere, as its rule has no paths and there is no default backend`;
  assert.deepEqual(ingressWhy(empty, facts([own])), [line('shop.example'), line('*')]);
});

test('an Ingress says which of its certificates is missing, over or of others', () => {
  const before = now.value;
  now.value = Date.parse('2026-12-01T00:00:00Z');
  const data = (pem: string) => ({ 'tls.crt': btoa(pem), 'tls.key': btoa('key') });
  const why = (host: string, given: Record<string, string> | null | undefined) => certificatesWhy(
    { ...ingress('shop', host, 'web'), spec: { tls: [{ hosts: [host], secretName: 'tls' }, { hosts: ['other'] }] } },
    (name) => (given ? { metadata: meta(name), data: given } : given as null | undefined));
  assert.deepEqual(why('shop.example', data(kNamed)), []);
  assert.deepEqual(why('shop.example', undefined), [], 'it may not be seen');
  assert.deepEqual(why('shop.example', null), ['its certificate is to be in the secret tls, which does not exist']);
  assert.deepEqual(why('shop.example', { password: 'x' }), ['its certificate is to be in the secret tls, which has no tls.crt and tls.key']);
  assert.deepEqual(why('x.example', data(kNamed)), ['the certificate in the secret tls does not name x.example']);
  assert.deepEqual(why('x.example', data('nothing')), ['the certificate in the secret tls cannot be read']);
  now.value = Date.parse('2027-01-01T00:00:00Z');
  assert.deepEqual(why('old.example', data(kOld)), ['the certificate in the secret tls is over']);
  now.value = before;
});

test('the overview tells of what was refused its pods while it lacks them, and of a load balancer that does not come', () => {
  const of = (kind: string, name: string, message: string) =>
    event(`e-${name}-${message}`, { reason: 'FailedCreate', message, involvedObject: { kind, name, namespace: 'shop', uid: `uid-${name}` } });
  const job = (name: string, status: Job['status'], spec: object = {}): Job => ({ metadata: meta(name), spec: { completions: 1, template: { spec: { containers: [] } }, ...spec }, status });
  const set = (name: string, status: object): Workload => ({ metadata: meta(name), spec: { replicas: 2, template: { spec: { containers: [] } } }, status: status as Record<string, unknown> });
  const jobs = [job('a', {}), job('b', { active: 1 }), job('c', {}, { suspend: true }), job('d', { succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] }), job('e', {})];
  const lone = { ...replicaSet('r', 'web', 1, 'web:1'), status: { conditions: [{ type: 'ReplicaFailure', status: 'True' as const, message: 'quota' }] } };
  const events = [...jobs.slice(0, 4).map(({ metadata }) => of('Job', metadata.name, 'no account')), of('StatefulSet', 's', 'forbidden'), of('StatefulSet', 'full', 'forbidden'), of('DaemonSet', 'ds', 'denied')];
  const found = unmadeOf({
    jobs, statefulSets: [set('s', { replicas: 1 }), set('full', { replicas: 2 })],
    daemonSets: [set('ds', { currentNumberScheduled: 1, desiredNumberScheduled: 3 })],
    sets: [lone, { ...lone, metadata: { ...lone.metadata, name: 'alone', ownerReferences: [] } }],
  }, events);
  assert.deepEqual(found.map(({ kind, object, why }) => `${kind.kind} ${object.metadata.name}: ${why}`),
    ['Job a: no account', 'StatefulSet s: forbidden', 'DaemonSet ds: denied', 'ReplicaSet alone: quota']);
  const balanced: Service = { ...service('b', { type: 'LoadBalancer' }), status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } };
  const services = [service('c'), service('lb', { type: 'LoadBalancer' }), balanced];
  const made = Date.parse(services[0]!.metadata.creationTimestamp);
  assert.deepEqual(unbalancedOf(services, made + 60_000).map(({ metadata }) => metadata.name), ['lb']);
  assert.deepEqual(unbalancedOf(services, made + 5_000), [], 'it was just made');
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
