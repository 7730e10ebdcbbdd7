// What the overview tells of besides pods: Ingresses whose backends lead nowhere, Services that wait for a load balancer,
// and what was refused its pods. What is only rarely needed is followed only then.
import { useMemo } from 'preact/hooks';

import { kinds, type Kind } from '../api/kinds';
import { type Live, useLive } from '../api/live';
import type { EndpointSlice, EventObj, Ingress, IngressClass, Job, Obj, Pod, ReplicaSet, Service, Workload } from '../api/types';
import { now } from '../model/age';
import { backendsWhy, podsBehind } from '../model/ingresswhy';
import { isUnbalanced, unbalancedOf, type Unmade, unmadeOf } from '../model/unmade';
import { useNextFrame } from './frames';
import { isKnown, kIngressClasses, seenIn, useWhere, useWhy } from './why';

export interface Unreached {
  ingresses: { ingress: Ingress; lines: string[] }[];
  balancers: Service[];
  unmade: Unmade[];
}

const kFailures = { fields: 'reason=FailedCreate' };
const kMany = 1_000;
const kRestMs = 1_000;
const kNone: never[] = [];

function listOf<T extends Obj>(live: Live<T> | null): T[] {
  return live?.list ?? kNone;
}

function useUnmade(space: string, sets: ReplicaSet[]): Unmade[] {
  const events = useLive<EventObj>(kinds.events, space, kFailures).list;
  const isOf = (kind: Kind) => events.some(({ involvedObject }) => involvedObject.kind === kind.kind);
  const jobs = listOf(useWhere<Job>(kinds.jobs, isOf(kinds.jobs), space));
  const statefulSets = listOf(useWhere<Workload>(kinds.statefulsets, isOf(kinds.statefulsets), space));
  const daemonSets = listOf(useWhere<Workload>(kinds.daemonsets, isOf(kinds.daemonsets), space));
  return useMemo(() => unmadeOf({ jobs, statefulSets, daemonSets, sets }, events), [jobs, statefulSets, daemonSets, sets, events]);
}

function useLost(space: string, services: Live<Service>, pods: Live<Pod>): Unreached['ingresses'] {
  const ingresses = useLive<Ingress>(kinds.ingresses, space).list;
  const wanted = ingresses.length > 0;
  const slices = useWhere<EndpointSlice>(kinds.endpointslices, wanted, space);
  const classes = useWhere<IngressClass>(kIngressClasses, wanted);
  const all = wanted ? pods.list : kNone;
  // Of many pods another is ready in every picture.
  const seen = useMemo(() => ({ pods: all, slices: listOf(slices) }), [all, slices?.list]);
  const shown = useNextFrame(seen, all.length <= kMany, kRestMs);
  const known = wanted && [services, slices, classes, pods].every((each) => isKnown(each as Live<Obj> | null));
  const isSeen = slices?.loaded === true;
  const facts = useMemo(
    () => ({ services: seenIn(services), slices: isSeen ? shown.slices : null, classes: classes && seenIn(classes), pods: seenIn(pods) && shown.pods }),
    [services.list, services.loaded, classes?.list, pods.loaded, isSeen, shown],
  );
  // Which lead nowhere is known without the reason: that is looked for only of those.
  const lost = useMemo(
    () => (known ? ingresses.filter((each) => backendsWhy(each, { ...facts, whyOf: () => '' }).length > 0) : kNone),
    [known, ingresses, facts],
  );
  const whyOf = useWhy(useMemo(() => lost.flatMap((each) => podsBehind(each, services.list, shown.pods)), [lost, services.list, shown]));
  return useMemo(
    () => lost.map((ingress) => ({ ingress, lines: backendsWhy(ingress, { ...facts, whyOf }) })).filter(({ lines }) => lines.length > 0),
    [lost, facts, whyOf],
  );
}

export function useUnreached(space: string, pods: Live<Pod>, sets: ReplicaSet[]): Unreached {
  const services = useLive<Service>(kinds.services, space);
  const unmade = useUnmade(space, sets);
  const ingresses = useLost(space, services, pods);
  const waits = useMemo(() => services.list.some(isUnbalanced), [services.list]);
  const at = waits ? now.value : 0;
  const balancers = useMemo(() => (waits ? unbalancedOf(services.list, at) : kNone), [services.list, waits, at]);
  return useMemo(() => ({ ingresses, balancers, unmade }), [ingresses, balancers.map(({ metadata }) => metadata.uid).join(), unmade]);
}
