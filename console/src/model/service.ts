// Who answers for a Service, from its slices, and why nobody does.
import type { Container, EndpointSlice, Pod, Service, ServicePort } from '../api/types';
import { t } from '../texts';
import { condition, podState, podWhy } from './pod';
import { matches } from './rollout';

export interface Answering {
  address: string;
  pod: string;
  namespace: string;
  node: string;
  ready: boolean;
  ending: boolean;
  serves: boolean; // A port of the Service: a pod that has none by the names it asks for is ready all the same.
}

const kServiceName = 'kubernetes.io/service-name';

// An address once, though it may be in a slice for each family and port.
export function endpointsOf(service: Service, slices: EndpointSlice[]): Answering[] {
  const found = new Map<string, Answering>();
  const isWithoutPorts = (service.spec.ports ?? []).length === 0;
  for (const slice of slices) {
    const { namespace, labels } = slice.metadata;
    if (namespace !== service.metadata.namespace || labels?.[kServiceName] !== service.metadata.name) continue;
    for (const each of slice.endpoints ?? []) {
      const pod = each.targetRef?.kind === 'Pod' ? (each.targetRef.name ?? '') : '';
      const address = each.addresses[0] ?? '';
      const key = pod || address;
      found.set(key, {
        address,
        pod,
        namespace: namespace ?? '',
        node: each.nodeName ?? '',
        ready: each.conditions?.ready !== false,
        ending: each.conditions?.terminating === true,
        serves: isWithoutPorts || (slice.ports ?? []).length > 0 || found.get(key)?.serves === true,
      });
    }
  }
  return [...found.values()].sort((a, b) => (a.pod + a.address < b.pod + b.address ? -1 : 1));
}

export function portText(port: ServicePort): string {
  const node = port.nodePort ? `:${port.nodePort}` : '';
  return `${port.port}${node}/${port.protocol ?? 'TCP'}`;
}

// Whether a Service that should have somebody who answers has nobody. Before its slices are `loaded`, nobody knows.
export function isSilent(service: Service, endpoints: Answering[], loaded: boolean): boolean {
  const selects = !service.spec.externalName && Object.keys(service.spec.selector ?? {}).length > 0;
  return selects && loaded && !endpoints.some((each) => each.ready && each.serves);
}

// Whether it leads to the pods that have this label alone to be known by; by that port, where one is given.
export function leadsTo({ spec }: Service, app: string, port?: number): boolean {
  const labels = Object.entries(spec.selector ?? {});
  const isOf = labels.length === 1 && labels[0]![0] === 'app' && labels[0]![1] === app;
  return isOf && (port === undefined || (spec.ports ?? []).some((each) => each.port === port));
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

// What makes a pod an endpoint that is ready: not its containers, which run on where their node is lost or one
// of its readiness gates is not met.
function isReady(pod: Pod): boolean {
  return !pod.metadata.deletionTimestamp && condition(pod.status?.conditions, 'Ready')?.status === 'True';
}

function troubleOf(pod: Pod, whyOf: (pod: Pod) => string): string {
  const { word, tone } = podState(pod);
  if (tone === 'good') {
    const { message, reason } = condition(pod.status?.conditions, 'Ready') ?? {};
    return t.services.gated(message || reason || '');
  }
  const why = whyOf(pod);
  return `${word}${why ? `, ${why}` : ''}`;
}

// Those that suffer alike are one line.
function unreadyLines(pods: Pod[], whyOf: (pod: Pod) => string): string[] {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const trouble = troubleOf(pod, whyOf);
    groups.set(trouble, [...(groups.get(trouble) ?? []), pod]);
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length).slice(0, kGroupsMax)
    .map(([trouble, of]) => t.services.unready(of[0]!.metadata.name, of.length, trouble));
}

// "TCP http": a name is that of a port of one protocol.
function portKey(protocol: string | undefined, name: string): string {
  return `${protocol || 'TCP'} ${name}`;
}

// The names that a Service knows its pods' ports by, and none of these pods has. Sidecars have ports, too.
function unknownPorts(service: Service, pods: Pod[]): string[] {
  const serves = (pod: Pod): Container[] => [
    ...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter((each) => each.restartPolicy === 'Always'),
  ];
  const known = new Set(pods.flatMap(serves).flatMap((each) => each.ports ?? []).map((each) => portKey(each.protocol, each.name ?? '')));
  const wanted = new Set((service.spec.ports ?? []).flatMap(({ targetPort, protocol }) =>
    typeof targetPort === 'string' && targetPort !== '' ? [portKey(protocol, targetPort)] : []));
  return [...wanted].filter((each) => !known.has(each));
}

function aliveOf(service: Service, pods: Pod[]): Pod[] {
  return pods.filter((each) => each.metadata.namespace === service.metadata.namespace && !hasEnded(each));
}

// Whether it leads to ports of its pods by their names, which they may not have.
export function namesPorts(service: Service): boolean {
  return (service.spec.ports ?? []).some(({ targetPort }) => typeof targetPort === 'string' && targetPort !== '');
}

// The ports of a Service that lead nowhere, though its pods are ready: a line each.
export function deafPorts(service: Service, pods: Pod[]): string[] {
  const ready = aliveOf(service, pods).filter((each) => matches(each.metadata.labels, service.spec.selector ?? {}) && isReady(each));
  if (ready.length === 0) return [];
  const unknown = new Set(unknownPorts(service, ready));
  return (service.spec.ports ?? []).flatMap(({ port, targetPort, protocol = 'TCP' }) =>
    typeof targetPort === 'string' && unknown.has(portKey(protocol, targetPort))
      ? [`${t.services.deaf(port)} ${t.services.noPort(protocol, targetPort)}`] : []);
}

// Why nobody answers for a Service that selects pods, by those of its namespace: a line each.
export function silenceOf(service: Service, pods: Pod[], whyOf: (pod: Pod) => string = podWhy): string[] {
  const wanted = service.spec.selector ?? {};
  const alive = aliveOf(service, pods);
  const selected = alive.filter((each) => matches(each.metadata.labels, wanted));
  if (selected.length === 0) {
    const labels = Object.entries(wanted).map(([key, value]) => `${key}=${value}`).join(', ');
    return [t.services.noPod(labels), nearestTo(wanted, alive)].filter(Boolean);
  }
  const ready = selected.filter(isReady);
  if (ready.length === 0) return unreadyLines(selected, whyOf);
  const lines = unknownPorts(service, ready).map((each) => t.services.noPort(...(each.split(' ') as [string, string])));
  return lines.length > 0 ? lines : [t.services.follows(ready[0]!.metadata.name, ready.length)];
}
