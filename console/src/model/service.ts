// Who answers for a Service, from its slices, and why nobody does.
import type { EndpointSlice, Pod, Service, ServicePort } from '../api/types';
import { t } from '../texts';
import { podState, podWhy } from './pod';
import { matches } from './rollout';

export interface Answering {
  address: string;
  pod: string;
  namespace: string;
  node: string;
  ready: boolean;
  ending: boolean;
}

const kServiceName = 'kubernetes.io/service-name';

// An address once, though it may be in a slice for each family and port.
export function endpointsOf(service: Service, slices: EndpointSlice[]): Answering[] {
  const found = new Map<string, Answering>();
  for (const slice of slices) {
    const { namespace, labels } = slice.metadata;
    if (namespace !== service.metadata.namespace || labels?.[kServiceName] !== service.metadata.name) continue;
    for (const each of slice.endpoints ?? []) {
      const pod = each.targetRef?.kind === 'Pod' ? (each.targetRef.name ?? '') : '';
      const address = each.addresses[0] ?? '';
      found.set(pod || address, {
        address,
        pod,
        namespace: namespace ?? '',
        node: each.nodeName ?? '',
        ready: each.conditions?.ready !== false,
        ending: each.conditions?.terminating === true,
      });
    }
  }
  return [...found.values()].sort((a, b) => (a.pod + a.address < b.pod + b.address ? -1 : 1));
}

export function portText(port: ServicePort): string {
  const node = port.nodePort ? `:${port.nodePort}` : '';
  return `${port.port}${node}/${port.protocol ?? 'TCP'}`;
}

const kGroupsMax = 3;

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

// The pod that has the most of these labels, and what of it is another; '' where none has any of them.
function nearestTo(wanted: Record<string, string>, pods: Pod[]): string {
  let [nearest, most] = [null as Pod | null, 0];
  for (const pod of pods) {
    const labels = pod.metadata.labels ?? {};
    const near = Object.entries(wanted).reduce(
      (sum, [key, value]) => sum + (labels[key] === value ? 2 : labels[key] === undefined ? 0 : 1), 0);
    if (near > most) [nearest, most] = [pod, near];
  }
  if (!nearest) return '';
  const labels = nearest.metadata.labels ?? {};
  const others = Object.entries(wanted).filter(([key, value]) => labels[key] !== value)
    .map(([key]) => (labels[key] === undefined ? t.services.lacks(key) : `${key}=${labels[key]}`));
  return t.services.nearest(nearest.metadata.name, others.join(', '));
}

// Those that suffer alike are one line.
function unreadyLines(pods: Pod[]): string[] {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const why = podWhy(pod);
    const trouble = `${podState(pod).word}${why ? `, ${why}` : ''}`;
    groups.set(trouble, [...(groups.get(trouble) ?? []), pod]);
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length).slice(0, kGroupsMax)
    .map(([trouble, of]) => t.services.unready(of[0]!.metadata.name, of.length, trouble));
}

// Why nobody answers for a Service that selects pods, by those of its namespace: a line each.
export function silenceOf(service: Service, pods: Pod[]): string[] {
  const wanted = service.spec.selector ?? {};
  const alive = pods.filter((each) => each.metadata.namespace === service.metadata.namespace && !hasEnded(each));
  const selected = alive.filter((each) => matches(each.metadata.labels, wanted));
  if (selected.length === 0) {
    const labels = Object.entries(wanted).map(([key, value]) => `${key}=${value}`).join(', ');
    return [t.services.noPod(labels), nearestTo(wanted, alive)].filter(Boolean);
  }
  const ready = selected.filter((each) => podState(each).tone === 'good');
  if (ready.length === 0) return unreadyLines(selected);
  const names = new Set(ready.flatMap((each) => each.spec.containers.flatMap((one) => (one.ports ?? []).map((port) => port.name))));
  return (service.spec.ports ?? []).map((each) => each.targetPort)
    .filter((each): each is string => typeof each === 'string' && !names.has(each)).map(t.services.noPort);
}
