// By which addresses a Service is reached from where a browser is.
import type { Ingress, Node, Service, ServicePort } from '../api/types';

export interface Way {
  kind: 'ingress' | 'balancer' | 'node';
  url: string;
  by?: Ingress; // Whose address it is.
}

const kSecure = new Set([443, 8443, 6443]);

export interface Door {
  port: number;
  secure: boolean; // Behind it is TLS.
}

function url(host: string, { port, secure }: Door): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  const usual = port === (secure ? 443 : 80);
  return `${secure ? 'https' : 'http'}://${shown}${usual ? '' : `:${port}`}/`;
}

// What a name of a port, or of its protocol, says of TLS; undefined: nothing. As in "https", "https-web",
// "web-http", "kubernetes.io/wss".
function secureByName(name: string | undefined): boolean | undefined {
  const words = (name ?? '').toLowerCase().split(/[^a-z0-9]+/);
  if (words.some((each) => each === 'https' || each === 'wss' || each === 'tls')) return true;
  return words.some((each) => ['http', 'http2', 'h2c', 'ws'].includes(each)) ? false : undefined;
}

// Who made the Service has said it (appProtocol, the names), or its numbers are usual for it.
export function doorTo({ port, appProtocol, name, targetPort }: ServicePort): Door {
  const target = typeof targetPort === 'string' ? targetPort : undefined;
  const said = secureByName(appProtocol) ?? secureByName(name) ?? secureByName(target);
  const isUsual = kSecure.has(port) || (typeof targetPort === 'number' && kSecure.has(targetPort));
  return { port, secure: said ?? (port !== 80 && isUsual) };
}

// The same of a port of a container, which has a name at most.
export function doorIn({ containerPort: port, name }: { containerPort: number; name?: string }): Door {
  return { port, secure: secureByName(name) ?? kSecure.has(port) };
}

// What a browser reaches a host of an Ingress by; that of none by its address. '': nobody serves it yet, or not by TLS
// where it is to be, or it is "*.example", which is no name that anybody could open. skiff tells its ports, that of
// HTTP before that of HTTPS.
function doorOf(ingress: Ingress, host: string, secure: boolean): string {
  const [served] = ingress.status?.loadBalancer?.ingress ?? [];
  if (!served) return '';
  const { ip, hostname, ports = [] } = served;
  const name = host || ip || hostname || '';
  if (name === '' || name.startsWith('*')) return '';
  const [usual, other] = secure ? [443, 80] : [80, 443];
  if (ports.length === 1 && ports[0]!.port === other) return '';
  const isUsual = ports.length === 0 || ports.some((each) => each.port === usual);
  const port = isUsual ? '' : `:${ports.at(secure ? -1 : 0)!.port}`;
  return `${secure ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}${port}`;
}

export interface Route {
  service: string;
  port: string; // Its number or its name.
  text: string; // What leads there: "shop.example/cart".
  url: string; // '': that cannot be opened.
}

function portText({ number, name = '' }: { number?: number; name?: string } = {}): string {
  return number === undefined ? name : `${number}`;
}

// The services that an Ingress leads to.
export function backendsOf(ingress: Ingress): Route[] {
  const secure = new Set((ingress.spec.tls ?? []).flatMap((each) => each.hosts ?? []));
  const found = (ingress.spec.rules ?? []).flatMap(({ host = '', http }) =>
    (http?.paths ?? []).flatMap(({ path = '/', backend: { service } }) => {
      if (!service?.name) return [];
      const door = doorOf(ingress, host, secure.has(host));
      return [{ service: service.name, port: portText(service.port), text: `${host || '*'}${path}`, url: door && door + path }];
    }),
  );
  const rest = ingress.spec.defaultBackend?.service;
  return rest?.name ? [...found, { service: rest.name, port: portText(rest.port), text: '*', url: '' }] : found;
}

function addressOf(node: Node | undefined): string {
  const all = node?.status?.addresses ?? [];
  return (all.find((each) => each.type === 'ExternalIP') ?? all.find((each) => each.type === 'InternalIP'))?.address ?? '';
}

export function waysTo(service: Service, ingresses: Ingress[], nodes: Node[]): Way[] {
  const { name, namespace } = service.metadata;
  const ways: Way[] = [];
  for (const ingress of ingresses) {
    if (ingress.metadata.namespace !== namespace) continue;
    for (const each of backendsOf(ingress)) {
      if (each.service === name && each.url !== '') ways.push({ kind: 'ingress', url: each.url, by: ingress });
    }
  }
  const ports = (service.spec.ports ?? []).filter((each) => (each.protocol ?? 'TCP') === 'TCP');
  for (const { ip, hostname } of service.status?.loadBalancer?.ingress ?? []) {
    for (const port of ports) ways.push({ kind: 'balancer', url: url(ip ?? hostname ?? '', doorTo(port)) });
  }
  const node = addressOf(nodes[0]);
  for (const each of ports) {
    if (!each.nodePort || node === '') continue;
    ways.push({ kind: 'node', url: url(node, { ...doorTo(each), port: each.nodePort }) });
  }
  return ways;
}

// What leads a port of one's own machine there. Ports that only root may open become others.
export function forwardOf(kind: 'service' | 'pod', space: string, name: string, { port, secure }: Door): { command: string; url: string } {
  const local = port < 1024 ? 8000 + (port % 1000) : port;
  return {
    command: `skiff port-forward -n ${space} ${kind}/${name} ${local}:${port}`,
    url: `${secure ? 'https' : 'http'}://localhost:${local}/`,
  };
}
