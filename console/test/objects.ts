// Objects for tests, as the server sends them.
import type { EndpointSlice, EventObj, Ingress, Node, Pod, ReplicaSet, Service } from '../src/api/types';

const kCreated = '2026-01-02T03:04:05Z';

export function meta(name: string, more: object = {}) {
  return { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: kCreated, ...more };
}

export function pod(name: string, given: { node?: string; phase?: string; ready?: boolean; status?: object; meta?: object; spec?: object } = {}): Pod {
  const ready = given.ready ?? true;
  return {
    metadata: meta(name, given.meta),
    spec: { nodeName: given.node, containers: [{ name: 'main', image: 'web:1' }], ...given.spec },
    status: {
      phase: given.phase ?? 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'main', ready, restartCount: 0, image: 'web:1', state: { running: { startedAt: kCreated } } }],
      ...given.status,
    },
  };
}

export function replicaSet(name: string, deployment: string, revision: number, image: string): ReplicaSet {
  return {
    metadata: meta(name, {
      annotations: { 'deployment.kubernetes.io/revision': String(revision) },
      ownerReferences: [{ kind: 'Deployment', name: deployment, uid: `uid-${deployment}`, controller: true }],
    }),
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  };
}

// A pod of that ReplicaSet, which is called NAME-HASH.
export function podOf(set: ReplicaSet, name: string, node: string, ready = true): Pod {
  const hash = set.metadata.name.split('-').at(-1)!;
  const made = pod(`${set.metadata.name}-${name}`, {
    node, ready,
    meta: {
      labels: { 'pod-template-hash': hash },
      ownerReferences: [{ kind: 'ReplicaSet', name: set.metadata.name, uid: set.metadata.uid, controller: true }],
    },
  });
  made.spec.containers = set.spec.template.spec.containers;
  return made;
}

export function service(name: string, more: object = {}): Service {
  return { metadata: meta(name), spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', selector: { app: name }, ports: [{ port: 80 }], ...more } };
}

export function slice(of: string, pods: { name: string; ready?: boolean; terminating?: boolean }[], ports: object[] = [{ port: 80 }]): EndpointSlice {
  return {
    metadata: meta(`${of}-slice`, { labels: { 'kubernetes.io/service-name': of } }),
    ports,
    endpoints: pods.map(({ name, ready = true, terminating }, at) => ({
      addresses: [`10.1.0.${at}`], conditions: { ready, terminating }, nodeName: 'n1', targetRef: { kind: 'Pod', name },
    })),
  };
}

export function ingress(name: string, host: string, backend: string): Ingress {
  return { metadata: meta(name), spec: { rules: [{ host, http: { paths: [{ path: '/', backend: { service: { name: backend } } }] } }] } };
}

export function node(name: string, ready = true): Node {
  return {
    metadata: { ...meta(name), namespace: undefined },
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      addresses: [{ type: 'InternalIP', address: '192.0.2.7' }],
    },
  };
}

export function event(name: string, given: Partial<EventObj>): EventObj {
  return { metadata: meta(name), involvedObject: { kind: 'Pod', name: 'web', namespace: 'shop' }, ...given };
}
