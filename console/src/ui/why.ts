// What keeps pods from running, as `skiff why` says it.
import { useCallback, useEffect, useMemo } from 'preact/hooks';

import { type Kind, kinds } from '../api/kinds';
import { type Live, liveOf } from '../api/live';
import type { Node, Obj, Pod } from '../api/types';
import { isUnscheduled, loadsOf } from '../model/obstacles';
import { podWhy } from '../model/pod';
import { schedulingWhy } from '../model/scheduling';
import { useNextFrame } from './frames';

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
  // Before both are here, or said to be hidden, there would be another sentence for a moment.
  const settled = [nodes, pods].every((each) => each !== null && (each.loaded || each.status.value === 'refused'));
  const loads = pods?.loaded ? all : null;
  return useCallback(
    (pod) => (settled && isUnscheduled(pod) ? schedulingWhy(pod, known ? found : null, loads && loadsOf(loads)) : podWhy(pod)),
    [settled, known, found, loads],
  );
}
