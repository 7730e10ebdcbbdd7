// StatefulSets and DaemonSets: what they were before, which pods are of which of that, and how far a change is.
// Their controllers keep that in ControllerRevisions.
import type { Kind } from '../api/kinds';
import type { Obj, Pod, Workload } from '../api/types';
import { t } from '../texts';
import { controllerOf, podState } from './pod';
import { imagesOf, type Rollout, type Stage, stuckOf } from './rollout';

export interface ControllerRevision extends Obj {
  revision: number;
  data?: { spec?: { template?: Workload['spec']['template'] } };
}

export interface Turn extends Pick<Rollout, 'wanted' | 'ready' | 'updated' | 'word' | 'tone' | 'why' | 'stuck'> {
  revisions: (Stage & { of: ControllerRevision })[]; // Newest first.
  strategy: string;
}

export const kRevisions: Kind = { group: 'apps', version: 'v1', plural: 'controllerrevisions', kind: 'ControllerRevision', namespaced: true };

const kHash = 'controller-revision-hash';
const kCause = 'kubernetes.io/change-cause';

// Whether a pod is of it: those of a StatefulSet say its name, those of a DaemonSet its hash.
function isOf(pod: Pod, { metadata }: ControllerRevision): boolean {
  const hash = pod.metadata.labels?.[kHash];
  return hash !== undefined && (hash === metadata.name || hash === metadata.labels?.[kHash]);
}

function isReady(pod: Pod): boolean {
  const { ready, total, tone } = podState(pod);
  return tone === 'good' && ready === total;
}

function stagesOf(workload: Workload, all: ControllerRevision[], own: Pod[]): Turn['revisions'] {
  const mine = all.filter((each) => controllerOf(each)?.uid === workload.metadata.uid).sort((a, b) => b.revision - a.revision);
  return mine.map((of, at) => {
    const pods = own.filter((each) => isOf(each, of));
    const template = of.data?.spec?.template;
    return {
      of, key: of.metadata.uid, number: of.revision, isNew: at === 0, pods, images: template?.spec ? imagesOf(template.spec) : [],
      cause: of.metadata.annotations?.[kCause] ?? '', since: of.metadata.creationTimestamp, ready: pods.filter(isReady).length,
    };
  });
}

export interface Counts {
  wanted: number;
  ready: number;
  updated: number;
  available: number;
  made: number;
}

function isDaemonSet({ status = {} }: Workload): boolean {
  return 'desiredNumberScheduled' in status;
}

// Those of DaemonSets have other names.
export function countsOf(workload: Workload): Counts {
  const { spec, status = {} } = workload;
  const number = (name: string, other = 0) => Number(status[name] ?? other);
  if (isDaemonSet(workload)) {
    return {
      wanted: number('desiredNumberScheduled'), ready: number('numberReady'), updated: number('updatedNumberScheduled'),
      available: number('numberAvailable'), made: number('currentNumberScheduled'),
    };
  }
  const ready = number('readyReplicas');
  return {
    wanted: spec.replicas ?? number('replicas'), ready, updated: number('updatedReplicas'),
    available: number('availableReplicas', ready), made: number('replicas'),
  };
}

// How many pods a change reaches by itself.
function reachedOf({ spec: { updateStrategy } }: Workload, wanted: number): number {
  if (updateStrategy?.type === 'OnDelete') return 0;
  return Math.max(0, wanted - (updateStrategy?.rollingUpdate?.partition ?? 0));
}

function wordOf(workload: Workload, { wanted, updated, available, made }: Counts): Rollout['word'] {
  const { observedGeneration = 0 } = workload.status ?? {};
  const isSeen = Number(observedGeneration) >= (workload.metadata.generation ?? 0);
  if (!isSeen || updated < reachedOf(workload, wanted) || made !== wanted) return 'progressing';
  if (available < wanted) return 'unavailable';
  // A DaemonSet that no node is for is as it should be.
  return wanted === 0 && !isDaemonSet(workload) ? 'scaledDown' : 'complete';
}

const kTones = { complete: 'good', progressing: 'busy', unavailable: 'warn', scaledDown: 'none' } as const;

function strategyOf(workload: Workload): string {
  const { type, rollingUpdate = {} } = workload.spec.updateStrategy ?? {};
  if (type === 'OnDelete') return t.revisions.onDelete;
  if (isDaemonSet(workload)) return t.revisions.byNode(`${rollingUpdate.maxUnavailable ?? 1}`, `${rollingUpdate.maxSurge ?? 0}`);
  const { partition = 0 } = rollingUpdate;
  return partition > 0 ? t.revisions.partition(partition) : t.revisions.inTurn;
}

// `pods`: of its namespace, by its labels.
export function turnOf(workload: Workload, all: ControllerRevision[], pods: Pod[]): Turn {
  const own = pods.filter((each) => controllerOf(each)?.uid === workload.metadata.uid);
  const counts = countsOf(workload);
  const word = wordOf(workload, counts);
  const stuck = stuckOf(own);
  const isFailing = stuck !== null && podState(stuck).tone === 'bad';
  return {
    ...counts, word, stuck, why: '', revisions: stagesOf(workload, all, own),
    tone: isFailing && word === 'unavailable' ? 'bad' : isFailing && word === 'progressing' ? 'warn' : kTones[word as keyof typeof kTones],
    strategy: strategyOf(workload),
  };
}
