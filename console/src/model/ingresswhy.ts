// What of an Ingress cannot be reached, and why, as `skiff why` says it: that nobody serves it, each of its backends
// that leads nowhere, and each certificate that it has not.
import type { EndpointSlice, EventObj, Ingress, IngressClass, Node, Pod, Secret, Service } from '../api/types';
import { t } from '../texts';
import { now } from './age';
import { certificateFacts, isForHost } from './certificate';
import { bytesOf } from './key';
import { matches } from './rollout';
import { endpointsOf, isSilent, silenceOf } from './service';

// What backends are judged by. null: they may not be seen.
export interface BackendFacts {
  services: Service[] | null;
  slices: EndpointSlice[] | null;
  classes: IngressClass[] | null;
  pods: Pod[] | null;
  whyOf: (pod: Pod) => string;
}

export interface IngressFacts extends BackendFacts {
  nodes: Node[] | null;
  events: EventObj[]; // About it.
  secretOf: (name: string) => Secret | null | undefined; // null: there is none; undefined: that may not be seen.
}

const kClassAnnotation = 'kubernetes.io/ingress.class'; // The old way to name one, which no object stands behind.
const kDefaultClass = 'ingressclass.kubernetes.io/is-default-class';
const kOwnController = 'skiff.io/ingress';
const kUnserved = new Set(['NotServed', 'PortTaken']);

type Backend = NonNullable<Ingress['spec']['defaultBackend']>;

// The default one, or ours, which needs no such mark, only no word against it.
function takesClassless({ metadata, spec }: IngressClass): boolean {
  const said = metadata.annotations?.[kDefaultClass];
  return said === 'true' || (spec?.controller === kOwnController && said !== 'false');
}

// Whether skiff's own controller serves it; no: that may not be seen, either.
function isOurs({ metadata, spec }: Ingress, classes: IngressClass[] | null): boolean {
  const name = spec.ingressClassName || metadata.annotations?.[kClassAnnotation] || '';
  return (classes ?? []).some((each) =>
    each.spec?.controller === kOwnController && (name === '' ? takesClassless(each) : each.metadata.name === name));
}

function isSimulated({ status }: Node): boolean {
  return status?.nodeInfo?.containerRuntimeVersion?.startsWith('fake://') ?? false;
}

function classText({ metadata, spec }: Ingress, classes: IngressClass[] | null): string {
  const { ingressClassName: name = '' } = spec;
  if (!classes || (name === '' && metadata.annotations?.[kClassAnnotation])) return '';
  const found = classes.some((each) => (name === '' ? takesClassless(each) : each.metadata.name === name));
  if (found) return '';
  return name === '' ? t.ingress.noClass : t.ingress.noSuchClass(name);
}

// Who serves it, where nobody does.
function servingText(ingress: Ingress, { classes, nodes, events }: IngressFacts): string {
  if ((ingress.status?.loadBalancer?.ingress ?? []).length > 0) return classText(ingress, classes);
  if (nodes && nodes.length > 0 && nodes.every(isSimulated)) return t.ingress.simulated;
  const said = events.find((each) => kUnserved.has(each.reason ?? ''))?.message;
  return classText(ingress, classes) || (said ? t.ingress.unserved(said) : t.ingress.noAddress);
}

function portText({ number, name = '' }: { number?: number; name?: string } = {}): string {
  return number === undefined ? name : `${number}`;
}

function backendText(where: string, { service: wanted }: Backend, ingress: Ingress, facts: BackendFacts): string {
  const { metadata } = ingress;
  const { services, slices, classes, pods, whyOf } = facts;
  if (!wanted || !services) return '';
  const service = services.find((each) => each.metadata.name === wanted.name && each.metadata.namespace === metadata.namespace);
  if (!service) return t.ingress.noService(where, wanted.name);
  // Whether others' controllers serve such a one is up to them.
  if (service.spec.type === 'ExternalName') return isOurs(ingress, classes) ? t.ingress.external(where, wanted.name) : '';
  const { number, name } = wanted.port ?? {};
  const hasPort = (service.spec.ports ?? []).some((each) =>
    (each.protocol ?? 'TCP') === 'TCP' && (number === undefined ? (each.name ?? '') === (name ?? '') : each.port === number));
  if (wanted.port && !hasPort) return t.ingress.noPort(where, portText(wanted.port), wanted.name);
  if (!slices || !isSilent(service, endpointsOf(service, slices), true)) return '';
  return t.ingress.nobody(where, wanted.name, pods ? silenceOf(service, pods, whyOf).join(' ') : '');
}

// Each place once: a host and its path, or all that no rule is for.
function routesOf({ spec }: Ingress): [string, Backend][] {
  const ruled = (spec.rules ?? []).flatMap(({ host = '', http }) =>
    (http?.paths ?? []).map(({ path = '', backend }): [string, Backend] => [`${host || '*'}${path}`, backend]));
  return spec.defaultBackend ? [[t.ingress.rest, spec.defaultBackend], ...ruled] : ruled;
}

// The pods that its backends select.
export function podsBehind(ingress: Ingress, services: Service[], pods: Pod[]): Pod[] {
  const names = new Set(routesOf(ingress).map(([, { service }]) => service?.name));
  const behind = services.filter(({ metadata, spec }) => names.has(metadata.name) && Object.keys(spec.selector ?? {}).length > 0);
  return pods.filter(({ metadata }) => behind.some(({ spec }) => matches(metadata.labels, spec.selector!)));
}

// Hosts for which nothing is said, where nothing is for everything else either.
function emptyRules({ spec }: Ingress): string[] {
  if (spec.defaultBackend) return [];
  return (spec.rules ?? []).filter(({ http }) => (http?.paths ?? []).length === 0).map(({ host }) => t.ingress.noPaths(host || '*'));
}

function certificateText(pem: string, hosts: string[]): string {
  const facts = certificateFacts(pem);
  if (!facts) return t.ingress.unreadable;
  if (facts.until < now.value) return t.ingress.over;
  const other = hosts.find((each) => !isForHost(facts, each));
  return other === undefined ? '' : t.ingress.notFor(other);
}

// What is wrong with each certificate that it is to have.
export function certificatesWhy({ spec }: Ingress, secretOf: IngressFacts['secretOf']): string[] {
  return (spec.tls ?? []).flatMap(({ secretName = '', hosts = [] }) => {
    const secret = secretName === '' ? undefined : secretOf(secretName);
    if (secret === undefined) return [];
    const certificate = secret?.data?.['tls.crt'];
    if (certificate === undefined || secret?.data?.['tls.key'] === undefined) return [t.ingress.noSecret(secretName, secret !== null)];
    const trouble = certificateText(new TextDecoder().decode(bytesOf(certificate)), hosts);
    return trouble === '' ? [] : [t.ingress.certificate(secretName, trouble)];
  });
}

// Its backends that lead nowhere, a line each.
export function backendsWhy(ingress: Ingress, facts: BackendFacts): string[] {
  const lines = emptyRules(ingress);
  const told = new Set<string>();
  for (const [where, backend] of routesOf(ingress)) {
    const key = `${backend.service?.name} ${portText(backend.service?.port)}`;
    if (told.has(key)) continue;
    told.add(key);
    lines.push(backendText(where, backend, ingress, facts));
  }
  return lines.filter(Boolean);
}

// A line each; none: nothing is wrong with it that could be found out.
export function ingressWhy(ingress: Ingress, facts: IngressFacts): string[] {
  const serving = servingText(ingress, facts);
  return [...(serving === '' ? [] : [serving]), ...backendsWhy(ingress, facts), ...certificatesWhy(ingress, facts.secretOf)];
}
