// What a pod's status comes to, in one word as kubectl has it, and why.
import type { Condition, Container, ContainerStatus, Obj, Owner, Pod } from '../api/types';
import { t } from '../texts';

// good: does what it should. busy: on its way there. warn: not well, may mend itself. bad: needs
// somebody. done: ended well. gone: is being removed. none: nothing is known.
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'done' | 'gone' | 'none';

interface PodState {
  word: string;
  tone: Tone;
  ready: number;
  total: number;
  restarts: number;
}

const kWorking = new Set(['ContainerCreating', 'PodInitializing']);

export function condition(all: Condition[] | undefined, type: string): Condition | undefined {
  return all?.find((each) => each.type === type);
}

function wordOf(status: ContainerStatus): string | null {
  const { waiting, terminated } = status.state ?? {};
  if (waiting?.reason) return waiting.reason;
  if (!terminated) return null;
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function isSidecar(container: Container | undefined): boolean {
  return container?.restartPolicy === 'Always';
}

export function statusesOf({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])];
}

// Whether there is anything of it to measure.
export function isRunning(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && statusesOf(pod).some((each) => each.state?.running);
}

const kDefaultContainer = 'kubectl.kubernetes.io/default-container';

// Those that go on beside each other, with the one first that is meant where none is named.
export function runningContainers(pod: Pod): string[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const names = [...containers, ...initContainers.filter(isSidecar), ...ephemeralContainers].map((each) => each.name);
  const meant = pod.metadata.annotations?.[kDefaultContainer] ?? '';
  return names.includes(meant) ? [meant, ...names.filter((each) => each !== meant)] : names;
}

// And those that went before them.
export function loggedContainers(pod: Pod): string[] {
  const before = (pod.spec.initContainers ?? []).filter((each) => !isSidecar(each)).map((each) => each.name);
  return [...runningContainers(pod), ...before];
}

// What init containers have to say while they are not through; null: they are.
function initWord(pod: Pod): string | null {
  const containers = pod.spec.initContainers ?? [];
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [index, status] of statuses.entries()) {
    const container = containers.find((each) => each.name === status.name);
    if (status.state?.terminated?.exitCode === 0) continue;
    if (isSidecar(container) && status.started) continue;
    const word = wordOf(status);
    if (word !== null && !kWorking.has(word)) return `Init:${word}`;
    return `Init:${index}/${containers.length}`;
  }
  return null;
}

function toneOf(word: string, pod: Pod, ready: number, total: number): Tone {
  if (pod.metadata.deletionTimestamp) return 'gone';
  if (word === 'Running') return ready === total ? 'good' : 'warn';
  if (word === 'Succeeded' || word === 'Completed') return 'done';
  if (word === 'Pending') return condition(pod.status?.conditions, 'PodScheduled')?.status === 'False' ? 'warn' : 'busy';
  if (kWorking.has(word) || /^Init:\d/.test(word)) return 'busy';
  if (word === 'Unknown' || word === 'NodeLost') return 'none';
  return 'bad';
}

// Of one container, as of the pod that it is in.
export function containerTone(status: ContainerStatus | undefined): Tone {
  const { waiting, running, terminated } = status?.state ?? {};
  if (status?.ready) return 'good';
  if (terminated) return terminated.exitCode === 0 ? 'done' : 'bad';
  if (running) return 'warn';
  return waiting?.reason && !kWorking.has(waiting.reason) ? 'bad' : 'busy';
}

// As a whole, and not by its containers: evicted, past its deadline, refused by its node.
function isEnded({ status }: Pod): boolean {
  return status?.phase === 'Failed' && Boolean(status.reason);
}

const memo = new WeakMap<Pod, PodState>();

// Objects that came from the server never change: what was found out once holds.
export function podState(pod: Pod): PodState {
  const known = memo.get(pod);
  if (known) return known;
  const statuses = pod.status?.containerStatuses ?? [];
  const total = pod.spec.containers.length + (pod.spec.initContainers ?? []).filter(isSidecar).length;
  const sidecars = (pod.status?.initContainerStatuses ?? []).filter((status) =>
    isSidecar(pod.spec.initContainers?.find((each) => each.name === status.name)),
  );
  const ready = [...statuses, ...sidecars].filter((each) => each.ready).length;
  const restarts = [...statuses, ...sidecars].reduce((sum, each) => sum + each.restartCount, 0);
  let word = pod.status?.reason ?? pod.status?.phase ?? 'Unknown';
  const init = initWord(pod);
  if (init !== null) word = init;
  else {
    const running = statuses.some((each) => each.ready && each.state?.running);
    for (const status of [...statuses].reverse()) word = wordOf(status) ?? word;
    if (word === 'Completed' && running) word = 'Running';
  }
  // The whole pod was ended, by a node that had no room or by its deadline: its containers only ended with it.
  if (isEnded(pod)) word = pod.status!.reason!;
  if (pod.metadata.deletionTimestamp) {
    word = pod.status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
  }
  const state = { word, tone: toneOf(word, pod, ready, total), ready, total, restarts };
  memo.set(pod, state);
  return state;
}

// One sentence on what keeps the pod from running; "" where nothing does.
export function podWhy(pod: Pod): string {
  if (isEnded(pod) && pod.status?.message) return pod.status.message;
  const conditions = pod.status?.conditions;
  const scheduled = condition(conditions, 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.message) return scheduled.message;
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const status of all) {
    const { waiting, terminated } = status.state ?? {};
    const last = status.lastState?.terminated;
    // What it ended with says more than how long it is left alone.
    if (waiting?.reason === 'CrashLoopBackOff' && last) {
      return `${status.name}: ${t.pod.exit(last.exitCode, last.reason ?? '')}`;
    }
    const said = waiting?.message ?? terminated?.message;
    if (said && !kWorking.has(waiting?.reason ?? '')) return `${status.name}: ${said}`;
    if (terminated && terminated.exitCode !== 0) {
      return `${status.name}: ${t.pod.exit(terminated.exitCode, '')}`;
    }
  }
  if (pod.status?.message) return pod.status.message;
  const ready = condition(conditions, 'Ready');
  return ready?.status === 'False' && podState(pod).tone === 'warn' ? (ready.message ?? '') : '';
}

export function controllerOf(object: Obj): Owner | undefined {
  return object.metadata.ownerReferences?.find((each) => each.controller);
}

// What it was made by: the Deployment rather than its ReplicaSet, whose name ends in a hash.
export function ownerOf(pod: Pod): string {
  const owner = controllerOf(pod);
  if (!owner) return '';
  const hash = pod.metadata.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  return owner.name;
}

export const kToneOrder: Tone[] = ['bad', 'warn', 'busy', 'none', 'gone', 'good', 'done'];
