// All pods, however many.
import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { Pod } from '../api/types';
import { kToneOrder, ownerOf, podState } from '../model/pod';
import { href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, Badge, Head, Standing } from '../ui/parts';
import { type Column, Table } from '../ui/table';

export const kFixedMax = 100; // Of more, the list has a filter, and says how many there are.

const kColumns: Column<Pod>[] = [
  {
    id: 'name', title: t.columns.name, width: 'minmax(112px, 2.4fr)',
    cell: (pod) => <a class="name" href={hrefOf(pod)} tabIndex={-1}>{pod.metadata.name}</a>,
    sort: (pod) => pod.metadata.name,
  },
  {
    id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
    cell: (pod) => <span class="dim">{pod.metadata.namespace}</span>,
    sort: (pod) => pod.metadata.namespace ?? '',
  },
  {
    id: 'status', title: t.columns.status, width: 'minmax(112px, 1.2fr)',
    cell: (pod) => <Badge tone={podState(pod).tone}>{podState(pod).word}</Badge>,
    sort: (pod) => kToneOrder.indexOf(podState(pod).tone),
  },
  {
    id: 'ready', title: t.columns.ready, width: '44px', end: true,
    cell: (pod) => `${podState(pod).ready}/${podState(pod).total}`,
    sort: (pod) => podState(pod).ready / podState(pod).total,
  },
  {
    id: 'restarts', title: t.columns.restarts, width: '76px', wide: 2, end: true,
    cell: (pod) => podState(pod).restarts || <span class="dim">0</span>,
    sort: (pod) => -podState(pod).restarts,
  },
  {
    id: 'node', title: t.columns.node, width: 'minmax(90px, 1fr)', wide: true,
    cell: (pod) => <span class="dim">{pod.spec.nodeName}</span>,
    sort: (pod) => pod.spec.nodeName ?? '',
  },
  {
    id: 'ip', title: t.columns.ip, width: 'minmax(100px, 1fr)', wide: 3,
    cell: (pod) => <span class="mono dim">{pod.status?.podIP}</span>,
    sort: (pod) => pod.status?.podIP ?? '',
  },
  {
    id: 'age', title: t.columns.age, width: '64px', wide: true, end: true,
    cell: (pod) => <Age time={pod.metadata.creationTimestamp} />,
    sort: (pod) => -Date.parse(pod.metadata.creationTimestamp),
  },
];

function hrefOf(pod: Pod): string {
  return href('pod', [pod.metadata.namespace, pod.metadata.name]);
}

function textOf(pod: Pod): string {
  const labels = Object.entries(pod.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const words = [pod.metadata.name, pod.metadata.namespace, podState(pod).word, pod.spec.nodeName, pod.status?.podIP];
  return [...words, ownerOf(pod), ...labels].join(' ');
}

// Beside other things on a page, without what stands on the pod's own: those of one namespace, or of one node.
const kBrief = {
  space: kColumns.filter(({ id }) => !['namespace', 'ip', 'restarts'].includes(id)),
  node: kColumns.filter(({ id }) => !['node', 'ip', 'restarts'].includes(id)),
};

export function PodTable(props: { label: string; pods: Pod[]; brief?: keyof typeof kBrief }) {
  return (
    <Table
      label={props.label}
      columns={props.brief ? kBrief[props.brief] : kColumns}
      rows={props.pods}
      keyOf={(pod) => pod.metadata.uid}
      textOf={textOf}
      hint={t.filterPods}
      hrefOf={hrefOf}
      fixed={props.brief !== undefined && props.pods.length <= kFixedMax}
    />
  );
}

export function Pods() {
  const pods = useLive<Pod>(kinds.pods, namespace.value);
  return (
    <div class="full">
      <Head title={t.nav.pods} />
      {pods.loaded ? <PodTable label={t.nav.pods} pods={pods.list} /> : <Standing of={pods} />}
    </div>
  );
}
