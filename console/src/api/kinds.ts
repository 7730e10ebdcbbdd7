// The kinds this console knows, and their URLs.

export interface Kind {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

function make(group: string, plural: string, kind: string, namespaced = true): Kind {
  return { group, version: 'v1', plural, kind, namespaced };
}

export const kinds = {
  namespaces: make('', 'namespaces', 'Namespace', false),
  nodes: make('', 'nodes', 'Node', false),
  pods: make('', 'pods', 'Pod'),
  services: make('', 'services', 'Service'),
  events: make('', 'events', 'Event'),
  persistentvolumeclaims: make('', 'persistentvolumeclaims', 'PersistentVolumeClaim'),
  persistentvolumes: make('', 'persistentvolumes', 'PersistentVolume', false),
  configmaps: make('', 'configmaps', 'ConfigMap'),
  secrets: make('', 'secrets', 'Secret'),
  deployments: make('apps', 'deployments', 'Deployment'),
  replicasets: make('apps', 'replicasets', 'ReplicaSet'),
  statefulsets: make('apps', 'statefulsets', 'StatefulSet'),
  daemonsets: make('apps', 'daemonsets', 'DaemonSet'),
  jobs: make('batch', 'jobs', 'Job'),
  cronjobs: make('batch', 'cronjobs', 'CronJob'),
  ingresses: make('networking.k8s.io', 'ingresses', 'Ingress'),
  resourcequotas: make('', 'resourcequotas', 'ResourceQuota'),
  endpointslices: make('discovery.k8s.io', 'endpointslices', 'EndpointSlice'),
} as const;

export function kindByName(plural: string): Kind | undefined {
  // Somebody's link may say "constructor".
  return Object.hasOwn(kinds, plural) ? (kinds as Record<string, Kind>)[plural] : undefined;
}

export function groupOf(apiVersion: string): string {
  const [first = '', second] = apiVersion.split('/');
  return second === undefined ? '' : first;
}

// Others' groups have kinds of such names, too. Events may not say of which group their object is.
export function kindOf(name: string, apiVersion = ''): Kind | undefined {
  return Object.values(kinds).find((each) => each.kind === name && (apiVersion === '' || each.group === groupOf(apiVersion)));
}

export function apiVersionOf(kind: Kind): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

// Of a collection, or of one object in it. No namespace: of all namespaces.
export function pathOf(kind: Kind, namespace = '', name = ''): string {
  const root = kind.group === '' ? '/api' : `/apis/${kind.group}`;
  const space = kind.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const rest = name === '' ? '' : `/${encodeURIComponent(name)}`;
  return `${root}/${kind.version}${space}/${kind.plural}${rest}`;
}
