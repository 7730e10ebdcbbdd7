// What keeps a pod off a node, in the words of `skiff why` (cli/why/obstacles.cc), whose first sentence is made of it.
import type { Container, Node, NodeSelector, PersistentVolume, Pod, Requirement, Taint, Toleration } from '../api/types';
import { t } from '../texts';
import { askedFor, isHeld } from './asked';
import { condition } from './pod';
import { unitsOf } from './quantity';

interface Port {
  ip: string;
  protocol: string;
  port: number;
}

// What the pods of a node hold of it.
export interface Load {
  asked: Map<string, number>; // By resource, as `unitsOf`.
  pods: number;
  ports: Port[];
}

export interface Shortage {
  resource: string;
  wanted: number;
  free: number;
}

// `text`: '' where nothing keeps the pod off.
export interface Obstacle {
  text: string;
  shortages: Shortage[];
}

const kCordon: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const kNone: Obstacle = { text: '', shortages: [] };
const kNothing: Load = { asked: new Map(), pods: 0, ports: [] };
const kAnywhere = '0.0.0.0';
const kTermsMax = 3;

function portsOf(pod: Pod): Port[] {
  const { containers, initContainers = [] } = pod.spec;
  return [...containers, ...initContainers.filter((each) => each.restartPolicy === 'Always')]
    .flatMap((each: Container) => each.ports ?? [])
    .filter((each) => (each.hostPort ?? 0) > 0)
    .map((each) => ({ ip: each.hostIP || kAnywhere, protocol: each.protocol || 'TCP', port: each.hostPort! }));
}

const loads = new WeakMap<Pod[], Map<string, Load>>();

// By node. Of a list that did not change, what it was.
export function loadsOf(pods: Pod[]): Map<string, Load> {
  const known = loads.get(pods);
  if (known) return known;
  const made = new Map<string, Load>();
  for (const pod of pods) {
    if (!isHeld(pod)) continue;
    let load = made.get(pod.spec.nodeName!);
    if (!load) made.set(pod.spec.nodeName!, (load = { asked: new Map(), pods: 0, ports: [] }));
    for (const [resource, amount] of askedFor(pod)) load.asked.set(resource, (load.asked.get(resource) ?? 0) + amount);
    load.pods += 1;
    load.ports.push(...portsOf(pod));
  }
  loads.set(pods, made);
  return made;
}

function tolerates({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (operator === 'Equal' && key !== '' && value === (taint.value ?? ''));
}

function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec.tolerations ?? []).some((each) => tolerates(each, taint));
}

function taintText({ key, value, effect }: Taint): string {
  return `${key}${value ? `=${value}` : ''}:${effect}`;
}

export function holds({ key, operator, values = [] }: Requirement, has: Record<string, string>): boolean {
  const value = Object.hasOwn(has, key) ? has[key]! : undefined;
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (value === undefined || values.length !== 1 || !/^-?\d+$/.test(value) || !/^-?\d+$/.test(values[0]!)) return false;
  return operator === 'Gt' ? Number(value) > Number(values[0]) : operator === 'Lt' && Number(value) < Number(values[0]);
}

// "disk=ssd", "zone not in (a,b)", "!old", "cores > 4"
function requirementText({ key, operator, values = [] }: Requirement): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  if (operator === 'In' && values.length === 1) return `${key}=${values[0]}`;
  if (operator === 'In') return `${key} in (${values.join(',')})`;
  if (operator === 'NotIn') return `${key} not in (${values.join(',')})`;
  return `${key} ${operator === 'Gt' ? '>' : '<'} ${values.join(',')}`;
}

function selects({ nodeSelectorTerms: terms }: NodeSelector, { metadata }: Node): boolean {
  return terms.some(({ matchExpressions = [], matchFields = [] }) =>
    matchExpressions.length + matchFields.length > 0 &&
    matchExpressions.every((each) => holds(each, metadata.labels ?? {})) &&
    matchFields.every((each) => holds(each, { 'metadata.name': metadata.name })));
}

function selectionText(pod: Pod, node: Node): string {
  const { metadata } = node;
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (metadata.labels?.[key] !== value) return t.scheduling.lacksLabel(key, value);
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required || selects(required, node)) return '';
  const terms = required.nodeSelectorTerms;
  const texts = terms.slice(0, kTermsMax).map(({ matchExpressions = [], matchFields = [] }) =>
    [...matchExpressions, ...matchFields].map(requirementText).join(t.scheduling.and));
  if (terms.length > kTermsMax) texts.push(t.scheduling.others);
  return t.scheduling.affinity(texts.join(t.scheduling.or));
}

function portText(pod: Pod, load: Load): string {
  const wanted = portsOf(pod);
  for (const held of load.ports) {
    const taken = wanted.find((each) => each.port === held.port && each.protocol === held.protocol &&
      (each.ip === held.ip || each.ip === kAnywhere || held.ip === kAnywhere));
    if (taken) return t.scheduling.portTaken(taken.port, taken.protocol);
  }
  return '';
}

function shortagesOf(pod: Pod, node: Node, load: Load | null): Shortage[] {
  const has = node.status?.allocatable ?? {};
  const found: Shortage[] = [];
  const add = (resource: string, wanted: number, held: number) => {
    const free = Math.max(unitsOf(resource, has[resource]) - held, 0);
    if (wanted > free) found.push({ resource, wanted, free });
  };
  for (const [resource, wanted] of askedFor(pod)) add(resource, wanted, load?.asked.get(resource) ?? 0);
  if (load && has.pods !== undefined) add('pods', 1, load.pods);
  return found;
}

// `all`: null where pods may not be seen; then the node counts as a whole. `volumes`: those that it has to reach.
export function obstacleOn(pod: Pod, node: Node, all: Map<string, Load> | null, volumes: PersistentVolume[]): Obstacle {
  const because = (text: string): Obstacle => ({ text, shortages: [] });
  const load = all && (all.get(node.metadata.name) ?? kNothing);
  if (node.spec?.unschedulable && !isTolerated(pod, kCordon)) return because(t.scheduling.cordoned);
  const taint = node.spec?.taints?.find((each) => each.effect !== 'PreferNoSchedule' && !isTolerated(pod, each));
  if (taint) return because(t.scheduling.tainted(taintText(taint)));
  const text = selectionText(pod, node) || (load ? portText(pod, load) : '');
  if (text !== '') return because(text);
  const shortages = shortagesOf(pod, node, load);
  if (shortages.length === 0) {
    const far = volumes.find(({ spec }) => spec.nodeAffinity?.required && !selects(spec.nodeAffinity.required, node));
    return far ? because(t.scheduling.otherNodes(far.metadata.name)) : kNone;
  }
  return { text: t.scheduling.tooLittle(shortages.map((each) => each.resource).join(t.scheduling.and)), shortages };
}

// Whether the scheduler has said that it finds no node for it.
export function isJudged(pod: Pod): boolean {
  return condition(pod.status?.conditions, 'PodScheduled')?.status === 'False';
}

// Whether it asks for a scheduler that the cluster does not bring along.
export function asksAnother({ spec: { schedulerName = '' } }: Pod): boolean {
  return schedulerName !== '' && schedulerName !== 'default-scheduler';
}

// Whether it waits for a node, and it can be found out what for: before its resource claims are there the scheduler does
// not look at it, and says nothing; nor does one that does not run.
export function isUnscheduled(pod: Pod): boolean {
  return !pod.spec.nodeName && (isJudged(pod) || (pod.spec.resourceClaims?.length ?? 0) > 0 || asksAnother(pod));
}

// Pods that were just made have no claims of devices yet: so long nobody need look at them.
const kClaimsWithinMs = 10_000;

// Whether its scheduler has not looked at it at `now`, though it, and its claims of devices, had the time to.
export function isOverlooked(pod: Pod, now: number): boolean {
  return isUnscheduled(pod) && !isJudged(pod) && now - Date.parse(pod.metadata.creationTimestamp) >= kClaimsWithinMs;
}
