// Which pods of a node a drain asks to go, and which it leaves: those that kubectl refuses to evict unless it
// is told to.
import type { Pod } from '../api/types';
import { t } from '../texts';
import { controllerOf } from './pod';

const kNamesMax = 5;

export interface Drain {
  leaving: Pod[];
  daemons: Pod[]; // They would come back at once.
  lone: Pod[]; // No controller would make them again.
  local: Pod[]; // What their emptyDir holds would be lost.
}

// A mirror follows a file, and what has ended needs no eviction: neither is anywhere.
export function drainOf(pods: Pod[]): Drain {
  const drain: Drain = { leaving: [], daemons: [], lone: [], local: [] };
  for (const pod of pods) {
    const { annotations, deletionTimestamp } = pod.metadata;
    if (annotations?.['kubernetes.io/config.mirror'] !== undefined || deletionTimestamp) continue;
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue;
    const controller = controllerOf(pod);
    if (!controller) drain.lone.push(pod);
    else if (controller.kind === 'DaemonSet') drain.daemons.push(pod);
    else if (pod.spec.volumes?.some((each) => each.emptyDir)) drain.local.push(pod);
    else drain.leaving.push(pod);
  }
  return drain;
}

function named(pods: Pod[]): string {
  const names = pods.slice(0, kNamesMax).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const rest = pods.length - names.length;
  return rest > 0 ? t.actions.andMore(names.join(', '), rest) : names.join(', ');
}

// Those that are left though nothing makes them come back, in words.
export function leftBy({ lone, local }: Drain): string[] {
  return [
    ...(lone.length > 0 ? [t.actions.lone(lone.length, named(lone))] : []),
    ...(local.length > 0 ? [t.actions.local(local.length, named(local))] : []),
  ];
}

// What somebody agrees to; null: the pods are not known.
export function drainQuestion(node: string, drain: Drain | null): string {
  if (drain === null) return t.actions.sureDrainAny(node);
  const stay = [...(drain.daemons.length > 0 ? [t.actions.ofDaemonSets(drain.daemons.length)] : []), ...leftBy(drain)];
  return t.actions.sureDrain(node, drain.leaving.length, stay);
}
