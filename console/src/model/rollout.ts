// A Deployment with what it is made of: ReplicaSets by revision, their pods, and how far it is.
import type { Deployment, Obj, Pod, ReplicaSet, Selector } from '../api/types';
import { now } from './age';
import { isJudged, isOverlooked, isUnscheduled } from './obstacles';
import { condition, controllerOf, podState, podWhy, type Tone } from './pod';

// A state that the template of something has or had, with its pods.
export interface Stage {
  key: string;
  number: number;
  isNew: boolean;
  images: string[];
  cause: string;
  since: string;
  pods: Pod[];
  ready: number;
}

export interface Revision extends Stage {
  set: ReplicaSet;
}

export interface Rollout {
  wanted: number;
  ready: number;
  updated: number;
  surge: number; // Pods beyond what is wanted.
  revisions: Revision[]; // Newest first.
  word: 'complete' | 'progressing' | 'unavailable' | 'stalled' | 'paused' | 'scaledDown';
  tone: Tone;
  why: string; // What its conditions say of it.
  stuck: Pod | null; // One of its pods that needs somebody.
}

const kRevision = 'deployment.kubernetes.io/revision';
const kCause = 'kubernetes.io/change-cause';
const kHash = 'pod-template-hash';

// By the uid of who controls them, so that many owners find theirs in one walk.
export function byController<T extends Obj>(objects: T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const object of objects) {
    const owner = controllerOf(object);
    if (!owner) continue;
    const list = found.get(owner.uid);
    if (list) list.push(object);
    else found.set(owner.uid, [object]);
  }
  return found;
}

export function imagesOf(spec: { containers: { image: string }[] }): string[] {
  return spec.containers.map((each) => each.image);
}

// What is to be sent of what was typed, by container: of those that are there still, and only where it differs.
export function imagesChanged(containers: { name: string; image: string }[], typed: ReadonlyMap<string, string>): { name: string; image: string }[] {
  return containers.flatMap(({ name, image }) => {
    const wanted = typed.get(name)?.trim();
    return wanted === undefined || wanted === image ? [] : [{ name, image: wanted }];
  });
}

function revisionOf(object: Obj): number {
  return Number(object.metadata.annotations?.[kRevision] ?? 0);
}

// As kubectl rollout undo: the old template comes back as a whole, without what told its ReplicaSet's pods apart,
// and with it what it was made for. A JSON patch.
export function undoOf(deployment: Deployment, set: ReplicaSet): object[] {
  const template = structuredClone(set.spec.template);
  delete template.metadata?.labels?.[kHash];
  const cause = set.metadata.annotations?.[kCause];
  const { annotations } = deployment.metadata;
  const path = `/metadata/annotations/${kCause.replace('/', '~1')}`;
  const steps: object[] = [{ op: 'replace', path: '/spec/template', value: template }];
  if (cause !== undefined && annotations) steps.push({ op: 'add', path, value: cause });
  else if (cause !== undefined) steps.push({ op: 'add', path: '/metadata/annotations', value: { [kCause]: cause } });
  else if (annotations?.[kCause] !== undefined) steps.push({ op: 'remove', path });
  return steps;
}

function wordOf(deployment: Deployment, wanted: number, complete: boolean, moving: boolean): Rollout['word'] {
  if (deployment.spec.paused) return 'paused';
  const progressing = condition(deployment.status?.conditions, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') return 'stalled';
  if (condition(deployment.status?.conditions, 'ReplicaFailure')?.status === 'True') return 'stalled';
  if (!complete) return moving ? 'progressing' : 'unavailable';
  return wanted === 0 ? 'scaledDown' : 'complete';
}

const kTones: Record<Rollout['word'], Tone> = {
  complete: 'good',
  progressing: 'busy',
  unavailable: 'warn',
  stalled: 'bad',
  paused: 'warn',
  scaledDown: 'none',
};

// Of what was made, the pod that needs somebody: one that fails, or that no node takes.
export function stuckOf(pods: Pod[]): Pod | null {
  const unscheduled = pods.filter(isUnscheduled);
  const failing = pods.find((pod) => podState(pod).tone === 'bad');
  return failing ?? unscheduled.find(isJudged) ?? unscheduled[0] ?? null;
}

export function rolloutOf(
  deployment: Deployment,
  sets: Map<string, ReplicaSet[]>,
  pods: Map<string, Pod[]>,
): Rollout {
  const status = deployment.status ?? {};
  const wanted = deployment.spec.replicas ?? 1;
  const newest = revisionOf(deployment);
  const revisions = (sets.get(deployment.metadata.uid) ?? [])
    .map((set) => ({
      set,
      key: set.metadata.uid,
      since: set.metadata.creationTimestamp,
      ready: set.status?.readyReplicas ?? 0,
      number: revisionOf(set),
      isNew: revisionOf(set) === newest,
      images: imagesOf(set.spec.template.spec),
      cause: set.metadata.annotations?.[kCause] ?? '',
      pods: pods.get(set.metadata.uid) ?? [],
    }))
    .sort((a, b) => b.number - a.number);
  const seen = (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
  const updated = status.updatedReplicas ?? 0;
  const total = status.replicas ?? 0;
  const ready = status.readyReplicas ?? 0;
  const complete =
    seen && updated === wanted && total === wanted && (status.availableReplicas ?? 0) === wanted;
  const moving = !seen || updated !== wanted || total !== wanted;
  const word = wordOf(deployment, wanted, complete, moving);
  const failure = condition(status.conditions, 'ReplicaFailure');
  const all = revisions.flatMap((each) => each.pods);
  const stuck = stuckOf(all);
  const isFailing = stuck !== null && podState(stuck).tone === 'bad';
  const why =
    failure?.status === 'True'
      ? (failure.message ?? '')
      : word === 'stalled'
        ? (condition(status.conditions, 'Progressing')?.message ?? '')
        : '';
  return {
    wanted,
    ready,
    updated,
    surge: Math.max(0, total - wanted),
    revisions,
    word,
    tone: isFailing && word === 'unavailable' ? 'bad' : isFailing && word === 'progressing' ? 'warn' : kTones[word],
    why,
    stuck: failure?.status === 'True' ? null : stuck,
  };
}

// What its pods suffer from says more than that it takes long. Of one that nobody has complained of, only what it is.
export function rolloutWhy({ why, stuck }: Pick<Rollout, 'why' | 'stuck'>, whyOf: (pod: Pod) => string = podWhy): string {
  if (!stuck) return why;
  const isSilent = isUnscheduled(stuck) && !isJudged(stuck);
  if (isSilent && !isOverlooked(stuck, now.value)) return why;
  const reason = whyOf(stuck);
  if (isSilent && reason === '') return why;
  return `${stuck.metadata.name}: ${podState(stuck).word}, ${reason}`.replace(/, $/, '');
}

// "a=b,c=d" for a URL; selectors by expressions are left to the server.
function expressionText({ key, operator, values = [] }: { key: string; operator: string; values?: string[] }): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operator === 'NotIn' ? 'notin' : 'in'} (${values.join(',')})`;
}

// As a query has it; '' selects everything.
export function selectorText(selector: Selector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return [...labels, ...(selector?.matchExpressions ?? []).map(expressionText)].join(',');
}

export function matches(labels: Record<string, string> | undefined, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}
