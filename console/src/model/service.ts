// Who answers for a Service, from its slices.
import type { EndpointSlice, Service, ServicePort } from '../api/types';

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
