// What keeps pods from running and claims from being bound, as `skiff why` says it.
import { useCallback, useEffect, useMemo } from 'preact/hooks';

import { type Kind, kinds } from '../api/kinds';
import { type Live, liveOf } from '../api/live';
import type { Claim, EventObj, Node, Obj, PersistentVolume, Pod, StorageClass } from '../api/types';
import { claimWhy, hasFailed, usersOf } from '../model/claimwhy';
import { isUnscheduled, loadsOf } from '../model/obstacles';
import { podWhy } from '../model/pod';
import { schedulingWhy } from '../model/scheduling';
import { useNextFrame } from './frames';

const kStorageClasses: Kind = { group: 'storage.k8s.io', version: 'v1', plural: 'storageclasses', kind: 'StorageClass', namespaced: false };
const kMany = 1_000;
const kRestMs = 1_000;

function useWhere<T extends Obj>(kind: Kind, wanted: boolean): Live<T> | null {
  const live = useMemo(() => (wanted ? liveOf<T>(kind, '', {}) : null), [kind, wanted]);
  useEffect(() => live?.use(), [live]);
  return live;
}

// For who shows these pods: why one of them does not run, '' where nothing keeps it. All nodes and pods are looked at
// only where one of these waits for a node.
export function useWhy(shown: Pod[]): (pod: Pod) => string {
  const waits = shown.some(isUnscheduled);
  const nodes = useWhere<Node>(kinds.nodes, waits);
  const pods = useWhere<Pod>(kinds.pods, waits);
  const list = pods?.list ?? null;
  const all = useNextFrame(list, (list?.length ?? 0) <= kMany, kRestMs);
  const found = nodes?.list ?? null;
  const known = nodes?.loaded ?? false;
  // Before both are here, or said to be hidden, there would be another sentence for a moment; of many pods the first are
  // looked at later than they are here.
  const isBehind = (list?.length ?? 0) > 0 && (all?.length ?? 0) === 0;
  const settled = !isBehind && [nodes, pods].every((each) => each !== null && (each.loaded || each.status.value === 'refused'));
  const loads = pods?.loaded ? all : null;
  return useCallback(
    (pod) => (settled && isUnscheduled(pod) ? schedulingWhy(pod, known ? found : null, loads && loadsOf(loads)) : podWhy(pod)),
    [settled, known, found, loads],
  );
}

// The same of claims: `pods` and `events` of their namespaces. '' where nothing more is known than what events say.
export function useClaimWhy(waits: boolean, pods: Pod[], events: EventObj[]): (claim: Claim) => string {
  const classes = useWhere<StorageClass>(kStorageClasses, waits);
  const volumes = useWhere<PersistentVolume>(kinds.persistentvolumes, waits);
  const settled = [classes, volumes].every((each) => each !== null && (each.loaded || each.status.value === 'refused'));
  const [allClasses, allVolumes] = [classes?.list, volumes?.list];
  return useCallback((claim) => (settled ? claimWhy(claim, {
    classes: classes?.loaded ? allClasses! : null, volumes: volumes?.loaded ? allVolumes! : null,
    users: usersOf(claim, pods), failed: hasFailed(claim, events),
  }) : ''), [settled, allClasses, allVolumes, waits && pods, waits && events]);
}
