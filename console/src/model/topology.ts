// What leads where: ingresses to services, services to pods, pods to nodes; as boxes in four columns
// and lines between them, with a place for each.
import type { EndpointSlice, Ingress, Node, Pod, ReplicaSet, Service } from '../api/types';
import { isSame } from './order';
import { condition, controllerOf, ownerOf, podState, type Tone } from './pod';
import { backendsOf } from './reach';
import { imagesOf } from './rollout';
import { endpointsOf } from './service';

export type Column = 0 | 1 | 2 | 3;

// Pods of one revision of a workload.
export interface Lane {
  key: string;
  text: string; // What tells it from the others: its image; "": there are no others.
  isNew: boolean;
  pods: Pod[];
}

export interface Box {
  id: string;
  column: Column;
  kind: string; // "Ingress", "Service", "Deployment", "Node".
  name: string;
  space: string;
  tone: Tone;
  sub: string;
  lanes: Lane[]; // Of workloads alone.
  y: number;
  height: number;
}

export interface Link {
  from: string;
  to: string;
  weight: number; // Pods behind it.
  tone: Tone;
  text: string;
}

export interface Topology {
  boxes: Box[];
  links: Link[];
  hidden: number; // Boxes for which there is no room.
  height: number;
}

// null: they may not be seen, and what they would say is not known.
interface Given {
  ingresses: Ingress[];
  services: Service[] | null;
  slices: EndpointSlice[] | null;
  nodes: Node[];
}

export const kShownPods = 40; // Of a lane; the others are a number.
const kColumnMax = 40;
const kCentredMax = 1_000;
const kGap = 16;
const kPlain = 58;
const kNode = 42;
const kHead = 38;
const kLaneText = 20;
const kPerRow = 10;
const kSquare = 22;
const kRevision = 'deployment.kubernetes.io/revision';

const byNumber = new Intl.Collator(undefined, { numeric: true }).compare;
const kBadness: Record<Tone, number> = { good: 0, done: 1, gone: 2, busy: 3, none: 4, warn: 5, bad: 6 };

function worse(a: Tone, b: Tone): Tone {
  return kBadness[b] > kBadness[a] ? b : a;
}

function box(column: Column, kind: string, space: string, name: string, tone: Tone, sub: string): Box {
  return { id: `${kind}/${space}/${name}`, column, kind, name, space, tone, sub, lanes: [], y: 0, height: kPlain };
}

// What follows from the pods of one owner alone.
interface Owned {
  pods: Pod[];
  alive: Pod[]; // Those that have not ended well.
  tone: Tone;
  good: number;
  nodes: Map<string, { pods: number; tone: Tone }>;
}

// By owner. Of thousands of pods few change at once: what the others come to is kept from the last time.
export type Kept = Map<string, Owned>;

function ownedOf(pods: Pod[]): Owned {
  const owned: Owned = { pods, alive: [], tone: 'good', good: 0, nodes: new Map() };
  for (const pod of pods) {
    const { tone } = podState(pod);
    if (tone === 'done') continue;
    owned.alive.push(pod);
    owned.tone = worse(owned.tone, tone);
    if (tone === 'good') owned.good += 1;
    const node = pod.spec.nodeName;
    if (node) addTo(owned.nodes, node, 1, tone === 'good' || tone === 'bad' ? tone : 'busy');
  }
  return owned;
}

function addTo(nodes: Owned['nodes'], node: string, pods: number, tone: Tone): void {
  const known = nodes.get(node);
  if (known) nodes.set(node, { pods: known.pods + pods, tone: worse(known.tone, tone) });
  else nodes.set(node, { pods, tone });
}

// Takes what it finds in `kept`, and leaves there what it found.
function byOwner(pods: Pod[], kept: Kept): Kept {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const key = controllerOf(pod)?.uid ?? pod.metadata.uid;
    const list = groups.get(key);
    if (list) list.push(pod);
    else groups.set(key, [pod]);
  }
  const before = new Map(kept);
  kept.clear();
  for (const [key, list] of groups) {
    const old = before.get(key);
    kept.set(key, old && isSame(old.pods, list) ? old : ownedOf(list));
  }
  return kept;
}

// Pods with what made them; a Deployment's with the revision that each is of.
function workloadsOf(owners: Kept, sets: ReplicaSet[]): Map<string, Box> {
  const bySet = new Map(sets.map((set) => [set.metadata.uid, set]));
  const found = new Map<string, Box>();
  const good = new Map<Box, number>();
  for (const [key, { alive, tone, good: well }] of owners) {
    const pod = alive[0];
    if (!pod) continue;
    const owner = controllerOf(pod);
    const set = owner && bySet.get(owner.uid);
    const kind = (set ? controllerOf(set)?.kind : undefined) ?? owner?.kind ?? 'Pod';
    const made = box(2, kind, pod.metadata.namespace ?? '', ownerOf(pod) || pod.metadata.name, 'good', '');
    const known = found.get(made.id) ?? made;
    found.set(made.id, known);
    known.lanes.push({ key, text: imagesOf(pod.spec).join(', '), isNew: true, pods: alive });
    known.tone = worse(known.tone, tone);
    good.set(known, (good.get(known) ?? 0) + well);
  }
  const revision = (lane: Lane) => Number(bySet.get(lane.key)?.metadata.annotations?.[kRevision] ?? 0);
  for (const each of found.values()) {
    each.lanes.sort((a, b) => revision(b) - revision(a));
    each.lanes.forEach((lane, at) => (lane.isNew = at === 0));
    each.sub = `${good.get(each) ?? 0}/${each.lanes.reduce((sum, lane) => sum + lane.pods.length, 0)}`;
    each.height = heightOf(each);
  }
  return found;
}

function heightOf(workload: Box): number {
  const lanes = workload.lanes.map((lane) => {
    const rows = Math.ceil((Math.min(lane.pods.length, kShownPods) + Number(lane.pods.length > kShownPods)) / kPerRow);
    return (workload.lanes.length > 1 ? kLaneText : 0) + rows * kSquare + 6;
  });
  return kHead + lanes.reduce((sum, each) => sum + each, 0) + 8;
}

class Links {
  readonly all = new Map<string, Link>();
  add(from: string, to: string, weight: number, tone: Tone, text = ''): void {
    const key = `${from} ${to}`;
    const known = this.all.get(key);
    if (!known) this.all.set(key, { from, to, weight, tone, text });
    else {
      known.weight += weight;
      known.tone = worse(known.tone, tone);
      if (text !== '' && !known.text.split(', ').includes(text)) known.text += `, ${text}`;
    }
  }
}

function serviceBoxes(given: Given, boxOf: Base['boxOf'], links: Links): Box[] {
  const slices = new Map<string, EndpointSlice[]>();
  for (const slice of given.slices ?? []) {
    const key = `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;
    const list = slices.get(key);
    if (list) list.push(slice);
    else slices.set(key, [slice]);
  }
  return (given.services ?? []).map((service) => {
    const { name, namespace = '' } = service.metadata;
    const answering = endpointsOf(service, slices.get(`${namespace}/${name}`) ?? []);
    const ready = answering.filter((each) => each.ready && each.serves).length;
    const isElsewhere = service.spec.type === 'ExternalName' || !service.spec.selector;
    const silence = given.slices === null ? 'none' : 'warn';
    const tone = ready > 0 || isElsewhere ? 'good' : answering.length > 0 ? 'busy' : silence;
    const made = box(1, 'Service', namespace, name, tone, service.spec.type ?? '');
    for (const each of answering) {
      const target = boxOf(each.namespace, each.pod);
      if (target) links.add(made.id, target.id, 1, each.ready && each.serves ? 'good' : each.ending ? 'gone' : 'busy');
    }
    return made;
  });
}

function ingressBoxes(given: Given, services: Box[], links: Links): Box[] {
  const known = new Map(services.map((each) => [each.id, each]));
  return given.ingresses.map((ingress) => {
    const { name, namespace = '' } = ingress.metadata;
    const backends = backendsOf(ingress);
    // Without an address no controller has said that it serves it.
    const isServed = (ingress.status?.loadBalancer?.ingress ?? []).length > 0;
    const made = box(0, 'Ingress', namespace, name, isServed ? 'good' : 'warn', [...new Set(backends.map((each) => each.text.split('/')[0]!))].join(', '));
    for (const each of backends) {
      const target = known.get(`Service/${namespace}/${each.service}`);
      if (target) links.add(made.id, target.id, 1, target.tone, each.text);
      else if (given.services !== null) made.tone = 'bad';
    }
    return made;
  });
}

// How many pods are on each node, and what leads there.
function nodeLinks(workloads: Box[], owners: Kept): { counts: Map<string, number>; links: Link[] } {
  const counts = new Map<string, number>();
  const links: Link[] = [];
  for (const workload of workloads) {
    const parts = workload.lanes.map((lane) => owners.get(lane.key)!.nodes);
    const here = parts.length === 1 ? parts[0]! : new Map<string, { pods: number; tone: Tone }>();
    if (parts.length > 1) for (const part of parts) part.forEach(({ pods, tone }, node) => addTo(here, node, pods, tone));
    for (const [node, { pods, tone }] of here) {
      counts.set(node, (counts.get(node) ?? 0) + pods);
      links.push({ from: workload.id, to: `Node//${node}`, weight: pods, tone, text: '' });
    }
  }
  return { counts, links };
}

function nodeBoxes(nodes: Node[], counts: Map<string, number>): Box[] {
  const ready = new Map(nodes.map((node) => [
    node.metadata.name, condition(node.status?.conditions, 'Ready')?.status === 'True',
  ]));
  // Those that hold none of these pods are no part of this picture, unless there are few.
  const names = new Set([...counts.keys(), ...(nodes.length <= 12 ? ready.keys() : [])]);
  return [...names]
    .sort(byNumber)
    .map((name) => ({ ...box(3, 'Node', '', name, ready.get(name) === false ? 'bad' : 'good', `${counts.get(name) ?? 0}`), height: kNode }));
}

// Each where the middle of what leads to it is, so that few lines cross.
function place(columns: Box[][], links: Link[]): number {
  const middle = new Map<string, number>();
  const stack = (boxes: Box[]) => {
    let y = 0;
    for (const each of boxes) {
      each.y = y;
      middle.set(each.id, y + each.height / 2);
      y += each.height + kGap;
    }
    return y - kGap;
  };
  const byNeighbours = (boxes: Box[]) => {
    const sums = new Map<string, { sum: number; n: number }>();
    for (const { from, to, weight } of links) {
      const at = middle.get(from);
      if (at === undefined) continue;
      const known = sums.get(to) ?? { sum: 0, n: 0 };
      sums.set(to, { sum: known.sum + at * weight, n: known.n + weight });
    }
    // What nothing leads to comes last, in the order in which it came.
    const of = (each: Box) => {
      const known = sums.get(each.id);
      return known ? known.sum / known.n : Infinity;
    };
    boxes.sort((a, b) => (of(a) === of(b) ? 0 : of(a) - of(b)));
  };
  // What leads somewhere is above what does not.
  const leads = new Set(links.map((each) => each.from));
  for (const boxes of columns.slice(0, 2)) boxes.sort((a, b) => Number(leads.has(b.id)) - Number(leads.has(a.id)));
  let height = 0;
  columns.forEach((boxes, at) => {
    if (at > 0 && at < 3) byNeighbours(boxes);
    height = Math.max(height, stack(boxes));
  });
  // Shorter columns stand in the middle, as long as that can be seen from the top.
  if (height > kCentredMax) return height;
  for (const boxes of columns) {
    const last = boxes.at(-1);
    const own = last ? last.y + last.height : 0;
    for (const each of boxes) each.y += (height - own) / 2;
  }
  return Math.max(0, height);
}

// What follows from pods alone, of which there are thousands, while little else changes as often.
export interface Base {
  workloads: Box[];
  boxOf: (space: string, pod: string) => Box | undefined;
  counts: Map<string, number>; // Of pods, by node.
  links: Link[];
}

// `kept` is for the next time, with the same map.
export function baseOf(all: Pod[], sets: ReplicaSet[], kept: Kept = new Map()): Base {
  const owners = byOwner(all, kept);
  const workloads = [...workloadsOf(owners, sets).values()];
  let boxes: Map<string, Box> | null = null;
  // Only services ask for it.
  const boxOf = (space: string, pod: string) => {
    if (boxes === null) {
      boxes = new Map();
      for (const each of workloads) {
        for (const lane of each.lanes) for (const { metadata } of lane.pods) boxes.set(`${metadata.namespace}/${metadata.name}`, each);
      }
    }
    return boxes.get(`${space}/${pod}`);
  };
  return { workloads, boxOf, ...nodeLinks(workloads, owners) };
}

export function topologyOf(given: Given, base: Base): Topology {
  const links = new Links();
  const services = serviceBoxes(given, base.boxOf, links);
  const ingresses = ingressBoxes(given, services, links);
  const nodes = nodeBoxes(given.nodes, base.counts);
  // Each picture has places of its own.
  const workloads = base.workloads.map((each) => ({ ...each }));
  const everyLink = [...links.all.values(), ...base.links];
  // Of many, those that something leads to are shown first.
  const led = new Set(everyLink.flatMap((each) => [each.from, each.to]));
  const few = (boxes: Box[]) =>
    boxes.length <= kColumnMax ? boxes : [...boxes].sort((a, b) => Number(led.has(b.id)) - Number(led.has(a.id))).slice(0, kColumnMax);
  const all = [ingresses, services, workloads, nodes];
  const columns = all.map(few);
  const shown = new Set(columns.flat().map((each) => each.id));
  const kept = everyLink.filter((each) => shown.has(each.from) && shown.has(each.to));
  const height = place(columns, kept);
  const hidden = all.flat().length - shown.size;
  return { boxes: columns.flat(), links: kept, hidden, height };
}
