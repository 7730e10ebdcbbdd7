// What keeps pods from running and claims from being bound, as `skiff why` says it.
import { useCallback, useEffect, useMemo } from 'preact/hooks';

import { type Kind, kinds } from '../api/kinds';
import { type Live, liveOf, useLive } from '../api/live';
import type {
  Claim, EndpointSlice, EventObj, Ingress, IngressClass, Node, Obj, PersistentVolume, Pod, Secret, Service, StorageClass,
} from '../api/types';
import { isUnbound, unboundOf } from '../model/claim';
import { claimWhy, reasonsOf, usersOf } from '../model/claimwhy';
import { ingressWhy, podsBehind } from '../model/ingresswhy';
import { isUnscheduled, loadsOf } from '../model/obstacles';
import { podWhy } from '../model/pod';
import { type SchedulingFacts, schedulingWhy } from '../model/scheduling';
import { useNextFrame } from './frames';

const kCluster = (group: string, plural: string, kind: string): Kind => ({ group, version: 'v1', plural, kind, namespaced: false });
const kStorageClasses = kCluster('storage.k8s.io', 'storageclasses', 'StorageClass');
const kDrivers = kCluster('storage.k8s.io', 'csidrivers', 'CSIDriver');
const kResourceClaims: Kind = { ...kCluster('resource.k8s.io', 'resourceclaims', 'ResourceClaim'), namespaced: true };
const kTemplates: Kind = { ...kCluster('resource.k8s.io', 'resourceclaimtemplates', 'ResourceClaimTemplate'), namespaced: true };
const kMany = 1_000;
const kRestMs = 1_000;

// Of a kind that is followed only where somebody wants it; else null.
export function useWhere<T extends Obj>(kind: Kind, wanted: boolean, space = '', fields = ''): Live<T> | null {
  const live = useMemo(() => (wanted ? liveOf<T>(kind, space, fields === '' ? {} : { fields }) : null), [kind, wanted, space, fields]);
  useEffect(() => live?.use(), [live]);
  return live;
}

// Whether all of it is here, or said to be hidden.
export function isKnown(live: Live<Obj> | null): boolean {
  return live === null || live.loaded || live.status.value === 'refused';
}

function listIn<T extends Obj>(live: Live<T> | null): T[] | null {
  return live?.loaded ? live.list : null;
}

// What their volumes and devices come from, where those that wait have any. null: not all of it is here yet.
function useNeeds(waiting: Pod[]): Omit<SchedulingFacts, 'nodes' | 'loads'> | null {
  const hasClaims = waiting.some(({ spec }) => spec.volumes?.some((each) => each.persistentVolumeClaim));
  const hasDevices = waiting.some(({ spec }) => (spec.resourceClaims?.length ?? 0) > 0);
  const spaces = new Set(waiting.map(({ metadata }) => metadata.namespace ?? ''));
  const space = spaces.size === 1 ? [...spaces][0]! : '';
  const claims = useWhere<Claim>(kinds.persistentvolumeclaims, hasClaims, space);
  const volumes = useWhere<PersistentVolume>(kinds.persistentvolumes, hasClaims);
  const resourceClaims = useWhere<Obj>(kResourceClaims, hasDevices, space);
  const templates = useWhere<Obj>(kTemplates, hasDevices, space);
  const isHere = [claims, volumes, resourceClaims, templates].every((each) => isKnown(each as Live<Obj> | null));
  const lists = [listIn(claims), listIn(volumes), listIn(resourceClaims), listIn(templates)] as const;
  return useMemo(
    () => (isHere ? { claims: lists[0], volumes: lists[1], resourceClaims: lists[2], templates: lists[3] } : null),
    [isHere, ...lists],
  );
}

// For who shows these pods: why one of them does not run, '' where nothing keeps it. All nodes and pods are looked at
// only where one of these waits for a node.
export function useWhy(shown: Pod[]): (pod: Pod) => string {
  const waiting = useMemo(() => shown.filter(isUnscheduled), [shown]);
  const waits = waiting.length > 0;
  const nodes = useWhere<Node>(kinds.nodes, waits);
  const pods = useWhere<Pod>(kinds.pods, waits);
  const needs = useNeeds(waiting);
  const list = pods?.list ?? null;
  const all = useNextFrame(list, (list?.length ?? 0) <= kMany, kRestMs);
  const found = listIn(nodes);
  // Before all is here, or said to be hidden, there would be another sentence for a moment; of many pods the first are
  // looked at later than they are here.
  const isBehind = (list?.length ?? 0) > 0 && (all?.length ?? 0) === 0;
  const settled = waits && !isBehind && isKnown(nodes as Live<Obj> | null) && isKnown(pods as Live<Obj> | null);
  const loads = pods?.loaded ? all : null;
  return useCallback((pod) => {
    if (!settled || !needs || !isUnscheduled(pod)) return podWhy(pod);
    return schedulingWhy(pod, { ...needs, nodes: found, loads: loads && loadsOf(loads) }) || podWhy(pod);
  }, [settled, needs, found, loads]);
}

// The same of claims: `pods` and `events` of their namespaces. '' where nothing more is known than what events say; null:
// not all of it is here yet.
function useClaimReasons(waits: boolean, pods: Pod[], events: EventObj[]): ((claim: Claim) => string) | null {
  const classes = useWhere<StorageClass>(kStorageClasses, waits);
  const volumes = useWhere<PersistentVolume>(kinds.persistentvolumes, waits);
  const drivers = useWhere<Obj>(kDrivers, waits);
  const settled = waits && [classes, volumes, drivers].every((each) => isKnown(each as Live<Obj> | null));
  const facts = [listIn(classes), listIn(volumes), listIn(drivers)] as const;
  const whyOf = useCallback((claim: Claim) => claimWhy(claim, {
    classes: facts[0], volumes: facts[1], drivers: facts[2], users: usersOf(claim, pods), reasons: reasonsOf(claim, events),
  }), [...facts, waits && pods, waits && events]);
  return settled ? whyOf : null;
}

const kUnknown = () => '';

export function useClaimWhy(waits: boolean, pods: Pod[], events: EventObj[]): (claim: Claim) => string {
  return useClaimReasons(waits, pods, events) ?? kUnknown;
}

const kOfClaims = 'involvedObject.kind=PersistentVolumeClaim';
const kNoEvents: EventObj[] = [];

// For a list of claims: why each of those that have no volume waits, by its uid, '' until that is known. Events are
// looked at only where one does.
export function useUnboundWhy(claims: Claim[], pods: Live<Pod>, space: string): Map<string, string> {
  const waits = useMemo(() => claims.some(isUnbound), [claims]);
  const said = useWhere<EventObj>(kinds.events, waits, space, kOfClaims);
  const events = said?.list ?? kNoEvents;
  const whyOf = useClaimReasons(waits, pods.list, events);
  const isHere = isKnown(said as Live<Obj> | null) && isKnown(pods as Live<Obj>);
  return useMemo(
    () => new Map(unboundOf(claims, events, whyOf ?? undefined).map(({ claim, why }) => [claim.metadata.uid, isHere && whyOf ? why : ''])),
    [claims, events, whyOf, isHere],
  );
}

export const kIngressClasses = kCluster('networking.k8s.io', 'ingressclasses', 'IngressClass');

export function seenIn<T extends Obj>(live: Live<T>): T[] | null {
  return live.loaded ? live.list : null;
}

// Those of these names, asked for one by one: who may see one of them may not see all.
function useNamed<T extends Obj>(kind: Kind, space: string, names: string[]): Map<string, Live<T>> {
  const lives = useMemo(() => new Map(names.map((name) => [name, liveOf<T>(kind, space, { name })])), [kind, space, names.join()]);
  useEffect(() => {
    const ends = [...lives.values()].map((each) => each.use());
    return () => ends.forEach((end) => end());
  }, [lives]);
  return lives;
}

// The Secrets that these name for their certificates: null where there is none, undefined where that may not be seen.
// Itself null: not all of it is here yet.
export function useCertificates(ingresses: Ingress[], space: string): ((name: string) => Secret | null | undefined) | null {
  const names = new Set(ingresses.flatMap(({ spec }) => spec.tls ?? []).flatMap(({ secretName }) => secretName || []));
  const secrets = useNamed<Secret>(kinds.secrets, space, [...names].sort());
  if (![...secrets.values()].every((each) => isKnown(each as unknown as Live<Obj>))) return null;
  return (name) => {
    const live = secrets.get(name);
    return live?.loaded ? live.list[0] ?? null : undefined;
  };
}

// What of an Ingress leads nowhere, a line each; none until all that says so is here. `events`: about it.
export function useIngressWhy(ingress: Ingress, events: EventObj[]): string[] {
  const space = ingress.metadata.namespace ?? '';
  const services = useLive<Service>(kinds.services, space);
  const slices = useLive<EndpointSlice>(kinds.endpointslices, space);
  const classes = useLive<IngressClass>(kIngressClasses);
  const nodes = useLive<Node>(kinds.nodes);
  const pods = useLive<Pod>(kinds.pods, space);
  const backing = useMemo(() => podsBehind(ingress, services.list, pods.list), [ingress, services.list, pods.list]);
  const whyOf = useWhy(backing);
  const secretOf = useCertificates([ingress], space);
  if (!secretOf || ![services, slices, classes, nodes, pods].every((each) => isKnown(each as Live<Obj>))) return [];
  return ingressWhy(ingress, {
    services: seenIn(services), slices: seenIn(slices), classes: seenIn(classes), nodes: seenIn(nodes), pods: seenIn(pods), events, whyOf, secretOf,
  });
}
