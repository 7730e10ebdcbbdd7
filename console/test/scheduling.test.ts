// The sentences of cli/why/scheduling_test.cc: both say the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Claim, Node, PersistentVolume, Pod } from '../src/api/types';
import { askedBy, askedFor } from '../src/model/asked';
import { isUnscheduled, loadsOf } from '../src/model/obstacles';
import { amountText } from '../src/model/quantity';
import { type SchedulingFacts, schedulingWhy } from '../src/model/scheduling';
import { meta, node, pod } from './objects';

const kTwo = { containers: [{ name: 'm', image: '', resources: { requests: { cpu: '2' } } }] };

function of(name: string, spec: Node['spec'] = {}, allocatable: object = {}): Node {
  const made = node(name);
  return {
    ...made, spec, metadata: { ...made.metadata, labels: { zone: 'a' } },
    status: { ...made.status, allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } },
  };
}

const on = (name: string, cpu: string, more: object = {}) =>
  pod(`on-${name}`, { node: name, spec: { containers: [{ name: 'c', image: '', resources: { requests: { cpu } } }], ...more } });

const kUnseen = { claims: null, volumes: null, resourceClaims: null, templates: null };

function why(spec: object, nodes: Node[] | null, pods: Pod[] | null = [], reasons = '3 of them.', facts: Partial<SchedulingFacts> = {}): string {
  const lone = pod('web', { phase: 'Pending', spec, status: {
    conditions: [{ type: 'PodScheduled', status: 'False', message: `0/3 nodes are available: ${reasons}` }],
  } });
  assert(isUnscheduled(lone));
  return schedulingWhy(lone, { ...kUnseen, nodes, loads: pods && loadsOf(pods), ...facts });
}

test("of a daemon's pod its own node is looked at alone", () => {
  const bound = (name: string) => why({
    ...kTwo, affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [
      { matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }] } } },
  }, [of('n1'), of('n2'), of('n3', { unschedulable: true })], [on('n2', '3500m')]);
  assert.equal(bound('n2'), 'it wants 2 cpu, and node n2, which it is for, has 500m free');
  assert.equal(bound('n3'), 'node n3, which it is for, is cordoned');
  assert.match(bound('n9'), /metadata.name=n9/, 'a node that is not there');
});

test('too little of something is told with numbers', () => {
  assert.equal(why(kTwo, ['n1', 'n2', 'n3'].map((each) => of(each)), [on('n1', '3500m'), on('n2', '3200m'), on('n3', '4')]),
    'it wants 2 cpu, and no node of 3 has more than 800m free');
  assert.equal(why({ containers: [{ name: 'm', image: '', resources: { requests: { cpu: '9', memory: '9Gi' } } }] }, [of('n1')]),
    'the only node has too little cpu and memory');
  assert.equal(why({ containers: [{ name: 'm', image: '', resources: { requests: { 'acme/gpu': '1' } } }] }, [of('n1')]),
    'it wants 1 acme/gpu, and the only node has 0 free');
  assert.equal(why(kTwo, [of('n1', {}, { pods: '1' })], [on('n1', '0')]), 'the only node is full: as many pods as it takes');
  assert.equal(why(kTwo, [of('n1')], [{ ...on('n1', '4'), status: { phase: 'Succeeded' } }]),
    'the scheduler finds no node for it: 3 of them', 'who has ended takes no room');
  assert.equal(why({ containers: [{ name: 'm', image: '', resources: { requests: { cpu: '9' } } }] }, [of('n1')], null),
    'it wants 9 cpu, and the only node has 4 free', 'whole nodes, where pods may not be seen');
});

test('each cause is counted by nodes', () => {
  const nodes = [
    of('n1'), of('n2', { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] }), of('n3', { unschedulable: true }),
    of('n4', { unschedulable: true, taints: [{ key: 'soft', effect: 'PreferNoSchedule' }] }),
  ];
  assert.equal(why(kTwo, nodes, [on('n1', '3')]),
    'none of 4 nodes takes it: 2 are cordoned, 1 has too little cpu, 1 has a taint that it does not tolerate: a=b:NoSchedule');
  assert.equal(why({ ...kTwo, tolerations: [{ key: 'a', operator: 'Exists' }] }, [nodes[1]!], [on('n2', '3')]),
    'it wants 2 cpu, and the only node has 1 free', 'what is tolerated is none');
});

test('labels, affinity and ports are named', () => {
  const plain = { containers: [{ name: 'm', image: '' }] };
  assert.equal(why({ ...plain, nodeSelector: { zone: 'b' } }, [of('n1')]), 'the only node has no label zone=b, as nodeSelector asks for');
  const terms = [
    { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }, { key: 'old', operator: 'DoesNotExist' }] },
    { matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['4'] }] },
  ];
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
  assert.equal(why({ ...plain, affinity }, [of('n1')]),
    "the only node does not match the pod's required node affinity: disk=ssd and !old, or cores > 4");
  terms[1]!.matchExpressions[0] = { key: 'zone', operator: 'In', values: ['a'] };
  assert.match(why({ ...plain, affinity }, [of('n1')]), /^the scheduler finds no node/);
  const port = (hostPort: number) => ({ containers: [{ name: 'm', image: '', ports: [{ containerPort: 80, hostPort }] }] });
  assert.equal(why(port(80), [of('n1')], [on('n1', '0', port(80))]), 'the only node has its port 80/TCP taken already (hostPort)');
  assert.match(why(port(81), [of('n1')], [on('n1', '0', port(80))]), /^the scheduler finds no node/);
});

test('what no node alone is to blame for is told by the scheduler’s words', () => {
  const plain = { containers: [{ name: 'm', image: '' }] };
  assert.equal(why(plain, []), 'the cluster has no nodes');
  assert.equal(why({ ...plain, schedulingGates: [{ name: 'acme.io/quota' }] }, [of('n1')]),
    'it is held back until somebody takes its scheduling gate acme.io/quota away');
  assert.match(why(plain, [of('n1')], [], "1 node(s) didn't match pod affinity rules."), /^it is to be beside other pods/);
  const spread = "1 node(s) didn't match pod topology spread constraints";
  assert.match(why(plain, [of('n1')], [], `${spread} (missing required label).`), /^no node that it could go to has the label/);
  assert.match(why(plain, [of('n1')], [], `${spread} (missing required label), ${spread}.`), /one too many/);
  assert.equal(why(plain, null, null, '3 Insufficient cpu. preemption: none.'), 'the scheduler finds no node for it: 3 Insufficient cpu');
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'old' } }];
  assert.equal(why({ ...plain, volumes }, [of('n1')], [], 'persistentvolumeclaim "old" not found.'),
    'there is no claim old, which its volume data names');
  assert.equal(why({ ...plain, volumes }, [of('n1')], [], 'pod has unbound immediate PersistentVolumeClaims.'), 'its claim old is not bound');
});

test('a volume that is on another node is named', () => {
  const claim = (name: string, volumeName: string): Claim => ({ metadata: meta(name), spec: { volumeName }, status: { phase: 'Bound' } });
  const volume = (name: string, zone: string): PersistentVolume => ({ metadata: { ...meta(name), namespace: undefined }, spec: {
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] } } } });
  const spec = { containers: [{ name: 'm', image: '' }], volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }] };
  const reach = (zone: string, more: Partial<SchedulingFacts> = {}) =>
    why(spec, nodes, [], '3 of them.', { claims: [claim('other', 'v2'), claim('data', 'v1')], volumes: [volume('v1', zone)], ...more });
  const nodes = [of('n1'), of('n2')];
  assert.equal(reach('b'), 'each of 2 nodes cannot reach volume v1, which is for other nodes');
  assert.match(reach('a'), /^the scheduler finds no node/);
  assert.match(reach('b', { volumes: null }), /^the scheduler finds no node/, 'volumes that may not be seen');
  nodes[1]!.spec = { unschedulable: true };
  assert.equal(reach('b'), 'none of 2 nodes takes it: 1 cannot reach volume v1, which is for other nodes, 1 is cordoned');
});

test('resource claims that are not there are named, though the scheduler says nothing', () => {
  const waiting = (source: object, status: object = {}) => pod('web', { phase: 'Pending',
    spec: { containers: [{ name: 'm', image: '' }], resourceClaims: [{ name: 'gpu', ...source }] }, status: { conditions: [], ...status } });
  const told = (made: Pod, facts: Partial<SchedulingFacts> = {}) => {
    assert(isUnscheduled(made));
    return schedulingWhy(made, { ...kUnseen, nodes: [of('n1')], loads: new Map(), resourceClaims: [], templates: [], ...facts });
  };
  const one = [{ metadata: meta('one') }];
  assert.equal(told(waiting({ resourceClaimName: 'one' })), 'there is no claim one, which its resource claim gpu names');
  assert.equal(told(waiting({ resourceClaimName: 'one' }), { resourceClaims: one }), '');
  assert.equal(told(waiting({ resourceClaimName: 'one' }), { resourceClaims: null }), '', 'claims that may not be seen');
  const template = { resourceClaimTemplateName: 'one' };
  assert.equal(told(waiting(template)), 'there is no template one, which its resource claim gpu names');
  assert.equal(told(waiting(template), { templates: one }), 'no claim has been made for it of the template one yet');
  const made = { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'web-gpu-x' }], nominatedNodeName: 'n1' };
  assert.equal(told(waiting(template, made)), 'its node is chosen, and what it needs there is not ready yet');
  assert.equal(told(waiting(template, { resourceClaimStatuses: [{ name: 'gpu' }] })), '', 'no claim was needed');
  assert.equal(told(waiting(template, { resourceClaimStatuses: [{ name: 'other' }] })), 'there is no template one, which its resource claim gpu names');
});

test('amounts are told as kubectl and why tell them', () => {
  assert.deepEqual([0, 800, 1500, 4000, 400_000, 1_000_000].map((each) => amountText('cpu', each)), ['0', '800m', '1500m', '4', '400', '1k']);
  assert.deepEqual([512, 1536, 2 ** 30].map((each) => amountText('memory', each)), ['512', '1.5Ki', '1Gi']);
  assert.deepEqual([1280, 1792, 1300].map((each) => amountText('memory', each * 2 ** 20)), ['1.2Gi', '1.8Gi', '1.3Gi']);
  assert.equal(amountText('acme/gpu', 2048), '2048');
});

test('every resource that a pod asks for counts, with its sidecars and overhead', () => {
  const asking = (requests: Record<string, string>, more: object = {}) => ({ name: 'c', image: '', resources: { requests }, ...more });
  const made = pod('a', { spec: {
    containers: [asking({ cpu: '100m', 'acme/gpu': '1' })], initContainers: [asking({ cpu: '50m' }, { restartPolicy: 'Always' }), asking({ memory: '1Gi' })],
    overhead: { cpu: '10m' },
  } });
  assert.deepEqual(askedFor(made), [['cpu', 160], ['memory', 2 ** 30], ['acme/gpu', 1]]);
  assert.deepEqual([askedBy(made).cpu.toFixed(2), askedBy(made).memory], ['0.16', 2 ** 30]);
});
