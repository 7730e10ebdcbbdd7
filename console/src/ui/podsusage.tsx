// What pods use that belong together, beside what was promised to them; and what a node does.
import type { Node, Pod } from '../api/types';
import { kUsage, usageOfPods, useUsage } from '../api/usage';
import { askedBy, isHeld } from '../model/asked';
import { isRunning } from '../model/pod';
import { quantity } from '../model/quantity';
import type { Use } from '../model/usage';
import { t } from '../texts';
import { type Mark, UsagePanel } from './plot';

function requested(pods: Pod[], what: keyof Use): number {
  return pods.filter(isHeld).reduce((all, pod) => all + askedBy(pod)[what], 0);
}

// `labels`: those that their metrics are asked for by.
export function PodsUsage({ space, labels, pods }: { space: string; labels: string; pods: Pod[] }) {
  const usage = useUsage(usageOfPods(space, { labelSelector: labels }));
  const limits = (what: keyof Use) =>
    pods.flatMap((pod) => pod.spec.containers).reduce((all, each) => all + quantity(each.resources?.limits?.[what]), 0);
  const marks = (what: keyof Use): Mark[] => [
    { text: t.usage.requested, value: requested(pods, what) }, { text: t.usage.limit, value: limits(what) },
  ];
  return <UsagePanel usage={usage} runs={pods.some(isRunning)} cpu={marks('cpu')} memory={marks('memory')} />;
}

// `pods`: those that are there.
export function NodeUsage({ node, pods }: { node: Node; pods: Pod[] }) {
  const usage = useUsage(`${kUsage}/nodes`);
  const marks = (what: keyof Use): Mark[] => [
    { text: t.usage.requested, value: requested(pods, what) },
    { text: t.usage.there, value: quantity(node.status?.allocatable?.[what]) },
  ];
  return <UsagePanel usage={usage} name={node.metadata.name} cpu={marks('cpu')} memory={marks('memory')} />;
}
