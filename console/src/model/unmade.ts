// What was refused the pods that it should have, and what is to be reached from outside and is not: as far as the
// overview tells of it.
import { type Kind, kinds } from '../api/kinds';
import type { EventObj, Job, Obj, ReplicaSet, Service, Workload } from '../api/types';
import { isAbout, timeOf } from './event';
import { condition, controllerOf } from './pod';

export interface Unmade {
  kind: Kind;
  object: Obj;
  why: string;
}

export interface Makers {
  jobs: Job[];
  statefulSets: Workload[];
  daemonSets: Workload[];
  sets: ReplicaSet[];
}

function countIn(workload: Workload, name: string): number {
  return Number(workload.status?.[name] ?? 0);
}

// Whether it is to have a pod that it has not.
function lacksJobPods({ spec, status }: Job): boolean {
  const isOver = (status?.conditions ?? []).some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True');
  const left = spec.completions === undefined ? Infinity : spec.completions - (status?.succeeded ?? 0);
  return !isOver && !spec.suspend && (status?.active ?? 0) < Math.min(spec.parallelism ?? 1, left);
}

function lastRefusal(kind: Kind, object: Obj, events: EventObj[]): string {
  let latest: EventObj | undefined;
  for (const each of events) {
    const { kind: name, namespace, name: of } = each.involvedObject;
    if (each.reason !== 'FailedCreate' || name !== kind.kind || namespace !== object.metadata.namespace || of !== object.metadata.name) continue;
    if (!isAbout(kind, object, each)) continue;
    if (!latest || Date.parse(timeOf(each)) >= Date.parse(timeOf(latest))) latest = each;
  }
  return latest?.message ?? '';
}

// `events`: those of FailedCreate. Of what a Deployment has made it says so itself.
export function unmadeOf({ jobs, statefulSets, daemonSets, sets }: Makers, events: EventObj[]): Unmade[] {
  const lacking: [Kind, Obj][] = [
    ...jobs.filter(lacksJobPods).map((each): [Kind, Obj] => [kinds.jobs, each]),
    ...statefulSets.filter((each) => countIn(each, 'replicas') < (each.spec.replicas ?? 1)).map((each): [Kind, Obj] => [kinds.statefulsets, each]),
    ...daemonSets.filter((each) => countIn(each, 'currentNumberScheduled') < countIn(each, 'desiredNumberScheduled'))
      .map((each): [Kind, Obj] => [kinds.daemonsets, each]),
  ];
  const refused = lacking.flatMap(([kind, object]) => {
    const why = lastRefusal(kind, object, events);
    return why === '' ? [] : [{ kind, object, why }];
  });
  const alone = sets.filter((each) => !controllerOf(each)).flatMap((object) => {
    const failure = condition(object.status?.conditions, 'ReplicaFailure');
    return failure?.status === 'True' ? [{ kind: kinds.replicasets, object, why: failure.message ?? '' }] : [];
  });
  return [...refused, ...alone];
}

// So long whoever gives load balancers may take.
const kBalancedWithinMs = 30_000;

export function isUnbalanced({ spec, status }: Service): boolean {
  return spec.type === 'LoadBalancer' && (status?.loadBalancer?.ingress ?? []).length === 0;
}

export function unbalancedOf(services: Service[], now: number): Service[] {
  return services.filter((each) => isUnbalanced(each) && now - Date.parse(each.metadata.creationTimestamp) >= kBalancedWithinMs);
}
