import assert from 'node:assert/strict';
import { test } from 'node:test';

import { baseOf, type Kept, topologyOf } from '../src/model/topology';
import { ingress, node, pod, podOf, replicaSet, service, slice } from './objects';

const [old, fresh] = [replicaSet('web-a', 'web', 1, 'web:1'), replicaSet('web-b', 'web', 2, 'web:2')];
const pods = [podOf(old, '1', 'n1'), podOf(fresh, '1', 'n2'), podOf(fresh, '2', 'n2', false)];
const given = {
  ingresses: [ingress('front', 'shop.example', 'web'), ingress('astray', 'old.example', 'gone')],
  services: [service('web'), service('lonely')],
  slices: [slice('web', [{ name: 'web-a-1' }, { name: 'web-b-1' }, { name: 'web-b-2', ready: false }])],
  sets: [old, fresh],
  pods,
  nodes: [node('n1'), node('n2', false)],
};

function pictureOf(all: typeof given) {
  return topologyOf(all, baseOf(all.pods, all.sets));
}

test('it leads from ingresses to nodes', () => {
  const { boxes, links } = pictureOf(given);
  const path = links.map((each) => `${each.from.split('/')[0]}:${each.from.split('/').at(-1)} > ${each.to.split('/')[0]}:${each.to.split('/').at(-1)} ${each.weight}`).sort();
  assert.deepEqual(path, ['Deployment:web > Node:n1 1', 'Deployment:web > Node:n2 2', 'Ingress:front > Service:web 1', 'Service:web > Deployment:web 3']);
  const tones = Object.fromEntries(boxes.map((each) => [`${each.kind} ${each.name}`, each.tone]));
  assert.equal(tones['Ingress astray'], 'bad', 'its service is not there');
  assert.equal(tones['Ingress front'], 'warn', 'nobody serves it');
  const served = { ...ingress('front', 'shop.example', 'web'), status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } };
  const front = pictureOf({ ...given, ingresses: [served] }).boxes.find((each) => each.name === 'front');
  assert.equal(front?.tone, 'good');
  assert.equal(tones['Service lonely'], 'warn', 'nobody answers');
  assert.equal(tones['Node n2'], 'bad');
  assert.equal(links.find((each) => each.to.startsWith('Deployment'))!.tone, 'busy', 'one is not ready');
});

test('what may not be seen is not said to be missing', () => {
  const tonesOf = (hidden: object) => Object.fromEntries(
    topologyOf({ ...given, ...hidden }, baseOf(pods, given.sets)).boxes.map((each) => [`${each.kind} ${each.name}`, each.tone]));
  assert.equal(tonesOf({ services: null })['Ingress astray'], 'warn', 'that nobody serves it is seen');
  assert.equal(tonesOf({ slices: null })['Service lonely'], 'none');
  assert.equal(tonesOf({ slices: null })['Service web'], 'none');
});

test('a rolling update is two lanes, the new one first', () => {
  const web = pictureOf(given).boxes.find((each) => each.kind === 'Deployment')!;
  assert.deepEqual(web.lanes.map((each) => [each.text, each.isNew, each.pods.length]), [['web:2', true, 2], ['web:1', false, 1]]);
  assert.equal(web.sub, '2/3');
});

test('no box lies on another, and all of them within the picture', () => {
  const many = Array.from({ length: 30 }, (_, at) => service(`s${at}`));
  const { boxes, height } = pictureOf({ ...given, services: [...given.services, ...many] });
  for (const column of [0, 1, 2, 3]) {
    const mine = boxes.filter((each) => each.column === column).sort((a, b) => a.y - b.y);
    mine.forEach((each, at) => {
      assert(each.y >= 0 && each.y + each.height <= height + 0.01);
      if (at > 0) assert(mine[at - 1]!.y + mine[at - 1]!.height <= each.y);
    });
  }
});

test('of too many it shows those that lead somewhere, and says how many it does not', () => {
  const many = Array.from({ length: 60 }, (_, at) => service(`a${at}`));
  const { boxes, hidden } = pictureOf({ ...given, services: [...many, ...given.services] });
  assert(boxes.some((each) => each.kind === 'Service' && each.name === 'web'));
  assert.equal(hidden, 22);
});

test('five thousand pods are few boxes, whose lanes show some of them', () => {
  const sets = Array.from({ length: 50 }, (_, at) => replicaSet(`w${at}-x`, `w${at}`, 1, 'web:1'));
  const all = sets.flatMap((set, at) => Array.from({ length: 100 }, (_, index) => podOf(set, String(index), `n${(at + index) % 50}`)));
  const { boxes, hidden } = pictureOf({ ...given, sets, pods: all });
  assert.equal(boxes.filter((each) => each.kind === 'Deployment').length, 40);
  assert.equal(hidden, 20, 'ten workloads, ten nodes');
  assert(boxes.every((each) => each.height < 170), 'a lane of a hundred is as high as one of forty');
});

test('pods of their own, and those that are done', () => {
  const { boxes } = pictureOf({ ...given, pods: [pod('lone', { node: 'n1' }), pod('over', { phase: 'Succeeded', status: { containerStatuses: [] } })], services: [], ingresses: [] });
  assert.deepEqual(boxes.filter((each) => each.column === 2).map((each) => `${each.kind} ${each.name}`), ['Pod lone']);
});

test('of the same pods another picture can be made, and the first one stays as it was', () => {
  const base = baseOf(pods, given.sets);
  const first = topologyOf(given, base);
  const before = structuredClone(first);
  const more = Array.from({ length: 5 }, (_, at) => service(`s${at}`));
  const second = topologyOf({ ...given, services: [...given.services, ...more] }, base);
  assert.deepEqual(first, before);
  const heightOf = ({ boxes }: typeof first) => boxes.find((each) => each.kind === 'Deployment')!.y;
  assert.equal(heightOf(second) > heightOf(first), true, 'beside more services it stands lower');
  assert.deepEqual(topologyOf(given, base), before);
});

test('what is kept of the last time makes the picture that there is without it', () => {
  const kept: Kept = new Map();
  const [one, two, three] = pods;
  const changed = { ...two!, status: { ...two!.status, phase: 'Failed' } };
  const rounds = [pods, [one!, two!], [one!, changed, three!], [changed, three!, pod('lone', { node: 'n1' })], [pod('over', { phase: 'Succeeded' })], pods];
  for (const all of rounds) {
    const [again, anew] = [baseOf(all, given.sets, kept), baseOf(all, given.sets)];
    assert.deepEqual([again.workloads, again.links, again.counts], [anew.workloads, anew.links, anew.counts]);
    for (const each of pods) {
      assert.equal(again.boxOf('shop', each.metadata.name)?.id, anew.boxOf('shop', each.metadata.name)?.id);
    }
  }
});
