// How a change of a StatefulSet or DaemonSet goes on, and what it was before: as the view of a Deployment has it.
import { useMemo } from 'preact/hooks';

import { type Kind, kinds, pathOf } from '../api/kinds';
import { type Live, useLive } from '../api/live';
import { patch } from '../api/request';
import type { Pod, Workload } from '../api/types';
import { selectorOf } from '../model/logged';
import { type ControllerRevision, kRevisions, type Turn, turnOf } from '../model/revisions';
import { t } from '../texts';
import { HistoryPanel, RolloutPanel } from '../ui/lanes';
import { Panel, Standing } from '../ui/parts';
import { tell } from '../ui/toasts';

// `hidden`: what it was before, or its pods, may not be seen or are on their way.
export interface Turning {
  turn: Turn;
  hidden: Live<ControllerRevision> | Live<Pod> | null;
}

export function useTurn(kind: Kind, workload: Workload): Turning {
  const labels = selectorOf(kind, workload.spec.selector);
  const { namespace } = workload.metadata;
  const kept = useLive<ControllerRevision>(kRevisions, namespace, { labels });
  const pods = useLive<Pod>(kinds.pods, namespace, { labels });
  const [revisions, own] = [kept.list, pods.list];
  const turn = useMemo(() => turnOf(workload, revisions, own), [workload, revisions, own]);
  return { turn, hidden: [kept, pods].find((each) => !each.loaded) ?? null };
}

export function WorkloadRollout({ turn: { turn, hidden } }: { turn: Turning }) {
  return !hidden && <RolloutPanel {...turn} stages={turn.revisions} strategy={turn.strategy} />;
}

// As kubectl rollout undo: what its controller kept of it is a patch that brings it back.
export function WorkloadHistory({ kind, workload, turn: { turn, hidden } }: { kind: Kind; workload: Workload; turn: Turning }) {
  const { name, namespace } = workload.metadata;
  if (hidden) return <Panel title={t.deployment.history}><Standing of={hidden} /></Panel>;
  return (
    <HistoryPanel stages={turn.revisions} undo={({ of, number }) =>
      tell(() => patch(pathOf(kind, namespace, name), of.data ?? {}, 'strategic-merge-patch'), t.done.undone(name, number))} />
  );
}
