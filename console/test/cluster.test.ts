import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Claim, Pod } from '../src/api/types';
import { now } from '../src/model/age';
import { faultsOf } from '../src/model/chaos';
import { unboundOf } from '../src/model/claim';
import { Lines, plain } from '../src/model/lines';
import { layoutMap, squareAt } from '../src/model/maplayout';
import { quotaLines } from '../src/model/quota';
import { doorIn, doorTo, forwardOf, waysTo } from '../src/model/reach';
import { byController, imagesChanged, rolloutOf, rolloutWhy, undoOf } from '../src/model/rollout';
import { deafPorts, endpointsOf, isSilent, leadsTo, namesPorts, silenceOf } from '../src/model/service';
import { niceMax, pauseOf, runsOf, stateOfEmpty, useOf, withSample } from '../src/model/usage';
import { event, ingress, meta, node, pod, podOf, replicaSet, service, slice } from './objects';

test('a rollout is old and new pods, and what is over', () => {
  const [old, fresh] = [replicaSet('web-a', 'web', 1, 'web:1'), replicaSet('web-b', 'web', 2, 'web:2')];
  const pods = [podOf(old, '1', 'n1'), podOf(old, '2', 'n1'), podOf(fresh, '1', 'n2', false)];
  const deployment = {
    metadata: meta('web', { generation: 2, annotations: { 'deployment.kubernetes.io/revision': '2' } }),
    spec: { replicas: 2, template: fresh.spec.template },
    status: { observedGeneration: 2, replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2 },
  };
  const rollout = rolloutOf(deployment, byController([old, fresh]), byController(pods));
  assert.equal(rollout.word, 'progressing');
  assert.equal(rollout.surge, 1);
  assert.deepEqual(rollout.revisions.map((each) => [each.number, each.isNew, each.pods.length]), [[2, true, 1], [1, false, 2]]);
  const late = { type: 'Progressing', status: 'False' as const, reason: 'ProgressDeadlineExceeded', message: 'timed out progressing' };
  const stalled = { ...deployment, status: { ...deployment.status, conditions: [late] } };
  assert.equal(rolloutWhy(rolloutOf(stalled, byController([old, fresh]), byController(pods))), 'timed out progressing');
  const waiting = { name: 'main', ready: false, restartCount: 0, image: '', state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } };
  const broken = { ...pods[2]!, status: { phase: 'Pending' as const, containerStatuses: [waiting] } };
  const failing = rolloutOf(stalled, byController([old, fresh]), byController([broken]));
  assert.deepEqual([failing.word, rolloutWhy(failing)], ['stalled', 'web-b-1: ErrImagePull, main: no such image'], 'what its pods suffer from says more');
  const lone = { ...pods[2]!, spec: { ...pods[2]!.spec, nodeName: undefined }, status: {
    phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' as const, message: '0/1 nodes' }],
  } };
  const { stuck } = rolloutOf(deployment, byController([old, fresh]), byController([pods[0]!, lone]));
  assert.equal(stuck, lone, 'one that waits for a node, too');
  const made = Date.parse(lone.metadata.creationTimestamp);
  const claiming = { ...lone, spec: { ...lone.spec, resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'one' }] }, status: { phase: 'Pending' } };
  const rolling = (pods: Pod[]) => rolloutOf(deployment, byController([old, fresh]), byController(pods));
  assert.equal(rolling([claiming, lone]).stuck, lone, 'the scheduler has spoken of it');
  const told = (at: number, why: string) => {
    now.value = made + at;
    return rolloutWhy(rolling([claiming]), () => why);
  };
  assert.equal(told(1_000, 'no claim yet'), '', 'it was just made');
  assert.equal(told(60_000, 'no claim yet'), `${lone.metadata.name}: Pending, no claim yet`);
  assert.equal(told(60_000, ''), '', 'nothing is known to keep it');
});

test('who goes back to a revision takes what it was made for along', () => {
  const kCause = 'kubernetes.io/change-cause';
  const path = '/metadata/annotations/kubernetes.io~1change-cause';
  const of = (annotations?: Record<string, string>) => ({ metadata: meta('web', { annotations }), spec: replicaSet('n', 'web', 2, 'web:2').spec });
  const old = replicaSet('web-a', 'web', 1, 'web:1');
  old.spec.template.metadata = { labels: { app: 'web', 'pod-template-hash': 'a' } };
  const template = { op: 'replace', path: '/spec/template', value: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'web:1' }] } } };
  assert.deepEqual(undoOf(of(), old), [template]);
  assert.deepEqual(undoOf(of({ [kCause]: 'new' }), old), [template, { op: 'remove', path }]);
  old.metadata.annotations![kCause] = 'first';
  assert.deepEqual(undoOf(of({ [kCause]: 'new' }), old), [template, { op: 'add', path, value: 'first' }]);
  assert.deepEqual(undoOf(of(), old), [template, { op: 'add', path: '/metadata/annotations', value: { [kCause]: 'first' } }]);
  assert.equal(old.spec.template.metadata.labels!['pod-template-hash'], 'a', 'what came from the server is not changed');
});

test('who answers for a service is there once, ready or not', () => {
  const found = endpointsOf(service('web'), [slice('web', [{ name: 'a' }, { name: 'b', ready: false }]), slice('web', [{ name: 'a' }]), slice('other', [{ name: 'c' }])]);
  assert.deepEqual(found.map((each) => [each.pod, each.ready]), [['a', true], ['b', false]]);
});

test('where nobody answers for a service it says why', () => {
  const web = service('web', { selector: { app: 'web', tier: 'front' }, ports: [{ port: 80, targetPort: 'http' }] });
  const labels = { labels: { app: 'web', tier: 'front' } };
  assert.deepEqual(silenceOf(web, [pod('other', { meta: { namespace: 'elsewhere', ...labels } })]), [
    'No pod of this namespace has app=web, tier=front.',
  ]);
  assert.deepEqual(silenceOf(web, [pod('a', { meta: { labels: { app: 'web', tier: 'back' } } }), pod('b', { meta: { labels: { app: 'wbe' } } })]), [
    'No pod of this namespace has app=web, tier=front.', 'The nearest is a, with tier=back.',
  ]);
  assert.deepEqual(silenceOf(web, [pod('a', { meta: { labels: { app: 'web' } } })])[1], 'The nearest is a, with no tier.');
  const failing = { ready: false, status: { containerStatuses: [{ name: 'main', ready: false, restartCount: 0, image: 'web:1', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }] } };
  assert.deepEqual(silenceOf(web, [pod('a', { ...failing, meta: labels }), pod('b', { ...failing, meta: labels }), pod('done', { phase: 'Succeeded', meta: labels })]), [
    'a and 1 more: ImagePullBackOff, main: no such image',
  ]);
});

test('where pods are ready, and nobody answers, it says what their ports lack', () => {
  const twice = { targetPort: 'http', protocol: 'TCP' };
  const web = service('web', { ports: [{ port: 80, targetPort: 'http' }, { port: 81, ...twice }, { port: 53, targetPort: 'dns', protocol: 'UDP' }] });
  const of = (ports: object[], sidecar: object[] = [], restartPolicy = 'Always') => pod('a', {
    meta: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'main', image: 'web:1', ports }], initContainers: [{ name: 'side', image: 'web:1', restartPolicy, ports: sidecar }] },
    status: { initContainerStatuses: [{ name: 'side', ready: true, started: true, restartCount: 0, image: 'web:1', state: { running: {} } }] },
  });
  const [http, dns] = [{ name: 'http', containerPort: 80 }, { name: 'dns', containerPort: 53, protocol: 'UDP' }];
  assert.deepEqual(silenceOf(web, [of([])]), [
    'No container of its pods has a TCP port named http.', 'No container of its pods has a UDP port named dns.',
  ]);
  assert.deepEqual(silenceOf(web, [of([http, { ...dns, protocol: 'TCP' }])]), ['No container of its pods has a UDP port named dns.']);
  assert.deepEqual(silenceOf(web, [of([http], [dns], 'Never')]), ['No container of its pods has a UDP port named dns.']);
  assert.deepEqual(silenceOf(web, [of([http], [dns])]), ["a is ready: the Service's slices do not say so yet."]);
  const line = 'Port 53 leads nowhere. No container of its pods has a UDP port named dns.';
  assert.deepEqual(deafPorts(web, [of([http])]), [line], 'others of its ports are answered');
  assert.deepEqual(deafPorts(web, [of([http], [dns])]), []);
  assert.deepEqual(deafPorts(web, []), [], 'it is silent, and says why');
  assert.equal(namesPorts(web), true);
  assert.equal(namesPorts(service('web', { ports: [{ port: 80, targetPort: 8080 }, { port: 81 }] })), false);
});

test('a pod whose containers are ready may not be so itself', () => {
  const web = service('web');
  const of = (name: string, more: object, deletionTimestamp?: string) =>
    pod(name, { meta: { labels: { app: 'web' }, deletionTimestamp }, status: { conditions: [{ type: 'Ready', ...more }] } });
  const gate = 'corresponding condition of pod readiness gate "lb" does not exist.';
  assert.deepEqual(silenceOf(web, [of('a', { status: 'False', reason: 'ReadinessGatesNotReady', message: gate }), of('b', { status: 'False', reason: 'NodeLost' }), of('c', { status: 'Unknown' })]), [
    `a: its containers are ready, the pod is not: ${gate}`, 'b: its containers are ready, the pod is not: NodeLost', 'c: its containers are ready, the pod is not',
  ]);
  assert.deepEqual(silenceOf(web, [of('a', { status: 'True' }, '2026-01-02T03:04:05Z')]), ['a: Terminating']);
});

test('nobody answers only where that is known, and where somebody should', () => {
  const [web, ready, not] = [service('web'), slice('web', [{ name: 'a' }]), slice('web', [{ name: 'b', ready: false }])];
  assert.deepEqual([[], [not], [ready, not]].map((each) => isSilent(web, endpointsOf(web, each), true)), [true, true, false]);
  assert.equal(isSilent(web, [], false), false);
  const portless = slice('web', [{ name: 'a' }], []);
  assert.equal(isSilent(web, endpointsOf(web, [portless]), true), true);
  assert.equal(isSilent(web, endpointsOf(web, [slice('web', [{ name: 'a' }]), portless]), true), false);
  const headless = service('web', { ports: undefined });
  assert.equal(isSilent(headless, endpointsOf(headless, [portless]), true), false);
  assert.equal(isSilent(service('web', { selector: undefined }), [], true), false);
  assert.equal(isSilent(service('web', { externalName: 'example.com' }), [], true), false);
});

test('a claim without a volume has what was last said of it', () => {
  const claims = [{ metadata: meta('bound'), spec: {}, status: { phase: 'Bound' } }, { metadata: meta('data'), spec: {} }] as Claim[];
  const of = (message: string, name: string) => event(`${name}.1`, { message, involvedObject: { kind: 'PersistentVolumeClaim', name, uid: `uid-${name}` } });
  assert.deepEqual(unboundOf(claims, []).map((each) => [each.claim.metadata.name, each.why]), [['data', 'This claim has no volume yet']]);
  assert.equal(unboundOf(claims, [of('of another', 'bound'), of('no such class', 'data'), of('older', 'data')])[0]!.why, 'no such class');
  assert.deepEqual(unboundOf(claims.slice(0, 1), []), []);
});

test('faults have their beginning and their end, and all that they are on', () => {
  const at = (time: string) => ({ lastTimestamp: `2026-01-02T03:${time}Z` });
  const faults = faultsOf([
    event('a.b1.1f', { reason: 'ChaosStarted', message: 'partition of node/a for 30s', ...at('04:00') }),
    event('b.c.b1.1e', { reason: 'ChaosStarted', message: 'partition of node/a for 30s', ...at('04:01'), involvedObject: { kind: 'Node', name: 'b.c' } }),
    event('a.b1.2f', { reason: 'ChaosStopped', ...at('04:30') }),
    event('a.d2.3f', { reason: 'ChaosStarted', message: 'pause of pod/web', ...at('05:00') }),
    event('a.lost.3f', { reason: 'ChaosStopped', ...at('05:00') }),
    event('a.x.3f', { reason: 'Killing', ...at('05:00') }),
  ], Date.parse('2026-01-02T04:00:00Z'));
  assert.deepEqual(faults.map((each) => [each.id, each.objects, each.to === null ? null : (each.to - each.from) / 1000]), [
    ['b1', ['Pod web', 'Node b.c'], 30], ['d2', ['Pod web'], null],
  ]);
});

test('a fault whose end nobody told is over when its time was up', () => {
  const text = 'netem of pod/web: delay 100ms for ';
  const started = event('a.b1.1f', { reason: 'ChaosStarted', message: `${text}1m1.5s`, lastTimestamp: '2026-01-02T03:04:00Z' });
  const endAt = (time: string, events = [started]) => faultsOf(events, Date.parse(`2026-01-02T03:${time}Z`))[0]!.to;
  assert.equal(endAt('05:01'), null);
  assert.equal(endAt('05:02'), Date.parse('2026-01-02T03:05:01.5Z'));
  assert.equal(endAt('59:00', [{ ...started, message: `${text}1h0m0s` }]), null);
  const stopped = event('a.b1.2f', { reason: 'ChaosStopped', lastTimestamp: '2026-01-02T03:05:03Z' });
  assert.equal(endAt('59:00', [started, stopped]), Date.parse('2026-01-02T03:05:03Z'), 'what was told counts');
});

test('quotas say what is nearly and what is wholly used', () => {
  const quota = { metadata: meta('q'), status: { hard: { pods: '10', 'requests.cpu': '4', secrets: '0', services: '5' }, used: { pods: '10', 'requests.cpu': '3500m', secrets: '0' } } };
  assert.deepEqual(quotaLines(quota).map((each) => [each.what, each.tone, each.used]), [
    ['pods', 'bad', '10'], ['requests.cpu', 'warn', '3.5'], ['secrets', 'bad', '0'], ['services', 'good', '0'],
  ]);
});

test('of the images of a Deployment those are sent that somebody typed', () => {
  const typed = new Map([['web', ' web:2 '], ['gone', 'x'], ['same', 'same:1']]);
  const now = [{ name: 'before', image: 'b:1' }, { name: 'web', image: 'web:1' }, { name: 'same', image: 'same:1' }, { name: 'side', image: 'changed-by-others:2' }];
  assert.deepEqual(imagesChanged(now, typed), [{ name: 'web', image: 'web:2' }]);
  assert.deepEqual(imagesChanged(now, new Map([['web', '']])), [{ name: 'web', image: '' }], 'the server says what is wrong with it');
});

test('several logs are one in the order of what was said', () => {
  const lines = new Lines(true);
  lines.take('2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.5Z three\n', 0);
  lines.take('2026-01-02T03:04:05.3Z two\n2026-01-02T03:04:0', 1);
  lines.take('6Z fo', 1);
  lines.take('ur\nno stamp\n', 1);
  assert.deepEqual(lines.all.map((each) => each.text), ['one', 'two', 'three', 'four', 'no stamp']);
  assert.deepEqual(lines.all.map((each) => each.source), [0, 1, 0, 1, 1]);
});

test('a log that broke off goes on where it was, by the moments of who says it', () => {
  const lines = new Lines(true);
  assert.equal(lines.resume(0), '', 'nothing was said');
  lines.take('2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.12Z two\n2026-01-02T03:04:05.2Z thr', 0);
  lines.take('2026-01-02T09:00:00Z other\n', 1);
  assert.equal(lines.resume(0), '2026-01-02T03:04:05.12Z');
  lines.take('2026-01-02T03:04:05Z zero\n2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.12Z two\n2026-01-02T03:04:05.2Z three\n', 0);
  lines.take('2026-01-02T03:04:05.2Z four\n', 0);
  assert.deepEqual(lines.all.map((each) => each.text), ['one', 'two', 'three', 'four', 'other']);
  assert.deepEqual([lines.count(0), lines.count(1), lines.count(2)], [4, 1, 0]);
});

test('a source of which no line is left is known by that', () => {
  const lines = new Lines(true);
  lines.take('2026-01-02T03:04:05Z first\n', 0);
  for (let at = 0; at < 20; at += 1) lines.take('2026-01-02T03:04:06Z more\n'.repeat(1000), 1);
  assert.deepEqual([lines.count(0), lines.count(1)], [0, 20_000]);
});

test('of a day of pods that come and go no more is kept than of those whose lines are shown', () => {
  const lines = new Lines(true);
  const begun = Date.parse('2026-01-02T00:00:00Z');
  const kPods = 8_640;
  for (let pod = 0; pod < kPods; pod += 1) {
    assert.equal(lines.resume(pod), '');
    const at = (ms: number) => new Date(begun + pod * 10_000 + ms).toISOString();
    lines.take(Array.from({ length: 10 }, (_, line) => `${at(line * 100)} line ${line}\n`).join(''), pod);
    // It ends in the middle of a long line.
    lines.take(`${at(2_000)} ${'x'.repeat(1_000)}`, pod);
    for (let gone = Math.max(0, pod - 2_500); gone < pod; gone += 500) lines.close(gone);
    lines.close(pod);
  }
  assert.equal(lines.all.length, 20_000);
  assert.equal(lines.all.at(-1)!.text.length, 1_000, 'its last words are there');
  for (let pod = 0; pod < kPods; pod += 1) lines.close(pod);
  const shown = new Set(lines.all.map(({ source }) => source));
  assert.equal(lines.known, shown.size);
});

test('a log keeps its newest lines, and says how many it lost', () => {
  const lines = new Lines();
  for (let at = 0; at < 25; at += 1) lines.take(`${`line ${at}\n`.repeat(1000)}`);
  assert.equal(lines.all.length, 20_000);
  assert.equal(lines.dropped, 5_000);
  lines.take('without an end');
  assert.equal(lines.all.at(-1)!.text, 'line 24');
  lines.end();
  assert.equal(lines.all.at(-1)!.text, 'without an end');
});

test('what is used is summed over containers, and an hour of it kept', () => {
  const use = useOf({ metadata: meta('a'), containers: [{ usage: { cpu: '250m', memory: '64Mi' } }, { usage: { cpu: '1500000n', memory: '1Ki' } }] });
  assert.deepEqual(use, { cpu: 0.2515, memory: 64 * 2 ** 20 + 1024 });
  let samples = withSample([], { ...use, time: 0 });
  for (let time = 15_000; time <= 7_200_000; time += 15_000) samples = withSample(samples, { ...use, time });
  assert.equal(samples.length, 240);
  const broken = [0, 15_000, 600_000].map((time) => ({ ...use, time }));
  assert.deepEqual(runsOf(broken).map((run) => run.length), [2, 1], 'nobody looked meanwhile');
});

test('the ends of scales are round', () => {
  assert.equal(niceMax(3.2, 'cpu'), 5);
  assert.equal(niceMax(0.13, 'cpu').toFixed(3), '0.200');
  assert.equal(niceMax(90 * 2 ** 20, 'memory'), 128 * 2 ** 20);
  assert.equal(niceMax(0, 'cpu'), 0.1);
});

test('a service is reached by what the cluster gave it, and by a port of one’s own', () => {
  const made = service('web', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }, { port: 53, nodePort: 30053, protocol: 'UDP' }] });
  const served = (name: string, host: string, backend: string, ...ports: number[]) => ({
    ...ingress(name, host, backend), status: { loadBalancer: { ingress: [{ ip: '192.0.2.7', ports: ports.map((port) => ({ port })) }] } },
  });
  const other = served('b', 'x.example', 'other');
  assert.deepEqual(waysTo(made, [served('a', 'shop.example', 'web'), served('w', '*.example', 'web'), ingress('n', 'nobody.example', 'web'), other], [node('n1')]).map((each) => each.url),
    ['http://shop.example/', 'http://192.0.2.7:30080/']);
  const hostless = (ip: string, ...ports: number[]) => ({ ...ingress('a', '', 'web'), status: { loadBalancer: { ingress: [{ ip, ports: ports.map((port) => ({ port })) }] } } });
  const urls = (...all: ReturnType<typeof ingress>[]) => waysTo(service('web'), all, []).map((each) => each.url);
  assert.deepEqual(urls(hostless('192.0.2.7', 80, 443), hostless('2001:db8::1'), hostless('192.0.2.7', 8080, 8443), ingress('a', '', 'web')),
    ['http://192.0.2.7/', 'http://[2001:db8::1]/', 'http://192.0.2.7:8080/'], 'by its address, as soon as it has one');
  const secure = { ...hostless('192.0.2.7', 8080, 8443), spec: { ...ingress('a', 'shop.example', 'web').spec, tls: [{ hosts: ['shop.example'] }] } };
  assert.deepEqual(urls(secure), ['https://shop.example:8443/']);
  const byTls = (...ports: number[]) => ({ ...served('a', 'shop.example', 'web', ...ports), spec: secure.spec });
  assert.deepEqual(urls(byTls(80), served('b', 'b.example', 'web', 443)), [], 'what its port is not for');
  assert.deepEqual(urls(byTls(443)), ['https://shop.example/']);
  assert.deepEqual(forwardOf('service', 'shop', 'web', { port: 80, secure: false }), { command: 'skiff port-forward -n shop service/web 8080:80', url: 'http://localhost:8080/' });
  assert.equal(forwardOf('pod', 'shop', 'web', { port: 8443, secure: true }).url, 'https://localhost:8443/');
});

test('what is used is asked for at once, then every so often, and seldom where there is nothing', () => {
  assert.equal(pauseOf(Infinity, 'loading'), 0);
  assert.equal(pauseOf(1_000, 'loading'), 2_000);
  assert.equal(pauseOf(1_000, 'live'), 14_000, 'also for who left and comes back');
  assert.equal(pauseOf(60_000, 'live'), 0, 'a tab that is seen again');
  assert.equal(pauseOf(15_000, 'none'), 105_000);
  assert.equal(pauseOf(15_000, 'refused'), 105_000);
  assert.equal(pauseOf(1_000, 'empty'), 14_000);
});

test('answers without figures are waited through at first, and then told of', () => {
  assert.deepEqual([1, 2, 3, 4, 5].map((answers) => stateOfEmpty(answers, 'loading')), ['loading', 'loading', 'loading', 'empty', 'empty']);
  assert.equal(stateOfEmpty(1, 'live'), 'live');
});

test('of a line stays what a page can show', () => {
  assert.equal(plain('\x1b[1;31merror\x1b[0m: \x1b[38;5;12mblue\x1b[m'), 'error: blue');
  assert.equal(plain('\x1b]0;title\x07a\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\'), 'alink');
  assert.equal(plain('\x1bMup\x1b7 half \x1b['), 'up\x1b7 half \x1b[');
  assert.equal(plain('dos\r'), 'dos');
  assert.equal(plain('[31m is text'), '[31m is text');
  const lines = new Lines(true);
  lines.take('2026-01-02T03:04:05Z \x1b[32mok\x1b[0m\n');
  assert.deepEqual(lines.all.map((each) => [each.time, each.text]), [['2026-01-02T03:04:05Z', 'ok']]);
});

test('whether a port speaks TLS says who made it, or else its number', () => {
  const secure = (port: Parameters<typeof doorTo>[0]) => doorTo(port).secure;
  for (const appProtocol of ['https', 'HTTPS', 'kubernetes.io/wss']) assert(secure({ port: 80, name: 'http', appProtocol }), appProtocol);
  for (const appProtocol of ['http', 'kubernetes.io/h2c', 'kubernetes.io/ws']) assert(!secure({ port: 443, name: 'https', appProtocol }), appProtocol);
  for (const name of ['https', 'https-web', 'admin-https']) assert(secure({ port: 9000, name }), name);
  for (const name of ['http', 'http-alt']) assert(!secure({ port: 8443, name }), name);
  assert(secure({ port: 9000, name: 'web', targetPort: 'https' }), 'as its pods call it');
  assert(secure({ port: 9000, targetPort: 8443 }));
  assert(secure({ port: 443, targetPort: 9000, appProtocol: 'example.com/own' }), 'a word that says nothing of it');
  assert(!secure({ port: 80, targetPort: 8443 }) && !secure({ port: 8080 }));
  assert.deepEqual([{ containerPort: 9000, name: 'https' }, { containerPort: 8443 }, { containerPort: 8443, name: 'http' }].map((each) => doorIn(each).secure),
    [true, true, false]);
  const made = service('web', { type: 'NodePort', ports: [{ port: 443, nodePort: 30443 }, { port: 8443, name: 'http', nodePort: 30444 }] });
  assert.deepEqual(waysTo(made, [], [node('n1')]).map((each) => each.url), ['https://192.0.2.7:30443/', 'http://192.0.2.7:30444/'], 'by what is behind it');
});

test('a map of any number of pods has a place for each', () => {
  for (const counts of [[1], [12, 13, 10, 1], Array.from({ length: 50 }, () => 100), Array.from({ length: 300 }, () => 17)]) {
    const layout = layoutMap(counts, 1000, 520);
    counts.forEach((n, at) => {
      const card = layout.cards[at]!;
      const last = squareAt(layout, card, n - 1);
      assert(last.x + layout.size <= card.x + card.width && last.y + layout.size <= card.y + card.height + 0.01, `${counts.length} groups`);
    });
  }
});

test('a Service leads to a Deployment by its label and port', () => {
  assert.equal(leadsTo(service('web'), 'web', 80), true);
  assert.equal(leadsTo(service('web'), 'web', 81), false);
  assert.equal(leadsTo(service('web', { selector: { app: 'other' } }), 'web'), false);
  assert.equal(leadsTo(service('web', { selector: { app: 'web', tier: 'b' } }), 'web'), false);
  assert.equal(leadsTo(service('web', { selector: undefined }), 'web'), false);
});
