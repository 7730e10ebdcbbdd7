// Nodes, how full and how busy each is; and quotas, how much of them is used.
import { useMemo } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { Node, Pod, ResourceQuota } from '../api/types';
import { kUsage, useUsage } from '../api/usage';
import { askedBy, isHeld } from '../model/asked';
import { condition, type Tone } from '../model/pod';
import { bytes, cores, quantity } from '../model/quantity';
import { quotaLines } from '../model/quota';
import type { Use } from '../model/usage';
import { go, href, place } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, Badge, Head, Panel, Standing, Tabs } from '../ui/parts';
import { UsagePanel } from '../ui/plot';
import { type Column, Table } from '../ui/table';

// null: of pods that may not be seen, or are on their way.
interface Row {
  node: Node;
  pods: number | null;
  room: number;
  used: Use | undefined;
  asked: Use | null;
  all: Use;
}

const kUnknown = '–';

function stateOf(node: Node): { word: string; tone: Tone } {
  const ready = condition(node.status?.conditions, 'Ready');
  if (ready?.status !== 'True') return { word: t.cluster.notReady, tone: 'bad' };
  const pressed = node.status?.conditions?.find((each) => each.type.endsWith('Pressure') && each.status === 'True');
  if (pressed) return { word: pressed.type, tone: 'warn' };
  return node.spec?.unschedulable ? { word: t.cluster.cordoned, tone: 'warn' } : { word: t.cluster.ready, tone: 'good' };
}

// What is used, before what is asked for, of what there is.
function Gauge({ row, what }: { row: Row; what: keyof Use }) {
  const text = what === 'cpu' ? cores : bytes;
  const share = (value: number) => `${Math.min(100, row.all[what] > 0 ? (100 * value) / row.all[what] : 0)}%`;
  const all = text(row.all[what]);
  const asked = row.asked && text(row.asked[what]);
  return (
    <span class="gauge" title={asked === null ? undefined : t.cluster.asked(asked, all)}>
      <span class="gauge-text">
        {row.used ? <><b>{text(row.used[what])}</b> <span class="dim">{t.cluster.used}{asked !== null && <span class="gauge-more">{t.cluster.alsoAsked(asked)}</span>} {t.cluster.of(all)}</span></>
          : <span class="dim">{`${asked ?? kUnknown} / ${all}`}</span>}
      </span>
      <span class="gauge-bar" aria-hidden="true">
        {row.asked && <i class="gauge-asked" style={{ width: share(row.asked[what]) }} />}
        {row.used && <i class="gauge-used" style={{ width: share(row.used[what]) }} />}
      </span>
    </span>
  );
}

function hrefOf({ node }: Row): string {
  return href('object', ['nodes', '', node.metadata.name]);
}

const kColumns: Column<Row>[] = [
  { id: 'name', title: t.columns.name, width: 'minmax(104px, 1fr)', sort: ({ node }) => node.metadata.name,
    cell: (row) => <a class="name" href={hrefOf(row)} tabIndex={-1}>{row.node.metadata.name}</a> },
  { id: 'status', title: t.columns.status, width: 'minmax(104px, 0.8fr)', sort: ({ node }) => stateOf(node).word,
    cell: ({ node }) => <Badge tone={stateOf(node).tone}>{stateOf(node).word}</Badge> },
  { id: 'pods', title: t.columns.pods, width: '76px', end: true, sort: ({ pods }) => -(pods ?? 0),
    cell: ({ pods, room }) => <>{pods ?? kUnknown}<span class="dim"> / {room}</span></> },
  { id: 'cpu', title: t.usage.cpu, width: 'minmax(118px, 2fr)', wide: true, sort: ({ used, asked }) => -((used ?? asked)?.cpu ?? 0),
    cell: (row) => <Gauge row={row} what="cpu" /> },
  { id: 'memory', title: t.usage.memory, width: 'minmax(118px, 2.2fr)', wide: true, sort: ({ used, asked }) => -((used ?? asked)?.memory ?? 0),
    cell: (row) => <Gauge row={row} what="memory" /> },
  { id: 'version', title: t.columns.version, width: '100px', wide: 3,
    cell: ({ node }) => <span class="mono dim">{node.status?.nodeInfo?.kubeletVersion}</span> },
  { id: 'age', title: t.columns.age, width: '64px', wide: 2, end: true, sort: ({ node }) => -Date.parse(node.metadata.creationTimestamp),
    cell: ({ node }) => <Age time={node.metadata.creationTimestamp} /> },
];

function Nodes() {
  const nodes = useLive<Node>(kinds.nodes);
  const pods = useLive<Pod>(kinds.pods);
  const usage = useUsage(`${kUsage}/nodes`);
  const used = usage.now.value;
  const [nodeList, podList, isSeen] = [nodes.list, pods.list, pods.loaded];
  const rows = useMemo(() => {
    const asked = new Map<string, Use & { pods: number }>();
    for (const pod of podList) {
      if (!pod.spec.nodeName || !isHeld(pod)) continue;
      const sum = asked.get(pod.spec.nodeName) ?? { cpu: 0, memory: 0, pods: 0 };
      asked.set(pod.spec.nodeName, sum);
      sum.pods += 1;
      const { cpu, memory } = askedBy(pod);
      sum.cpu += cpu;
      sum.memory += memory;
    }
    return nodeList.map((node): Row => {
      const of = asked.get(node.metadata.name) ?? { cpu: 0, memory: 0, pods: 0 };
      const room = node.status?.allocatable;
      return {
        node, pods: isSeen ? of.pods : null, room: quantity(room?.pods), asked: isSeen ? of : null, used: used.get(node.metadata.name),
        all: { cpu: quantity(room?.cpu), memory: quantity(room?.memory) },
      };
    });
  }, [nodeList, podList, isSeen, used]);
  if (!nodes.loaded) return <Standing of={nodes} />;
  const sum = (what: keyof Use, of: 'all' | 'asked') => rows.reduce((all, row) => all + (row[of]?.[what] ?? 0), 0);
  const marks = (what: keyof Use) => [
    { text: t.usage.requested, value: sum(what, 'asked') }, { text: t.usage.there, value: sum(what, 'all') },
  ];
  return (
    <>
      <UsagePanel usage={usage} cpu={marks('cpu')} memory={marks('memory')} />
      <Table label={t.cluster.nodes} columns={kColumns} rows={rows} hrefOf={hrefOf} height={52}
             keyOf={({ node }) => node.metadata.uid}
             textOf={({ node }) => [node.metadata.name, stateOf(node).word, ...Object.entries(node.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`)].join(' ')} />
    </>
  );
}

function Quotas() {
  const quotas = useLive<ResourceQuota>(kinds.resourcequotas, namespace.value);
  if (!quotas.loaded) return <Standing of={quotas} />;
  if (quotas.list.length === 0) return <p class="empty">{t.cluster.noQuotas}</p>;
  return (
    <div class="quotas">
      {quotas.list.map((quota) => (
        <Panel key={quota.metadata.uid} title={<><a href={href('object', ['resourcequotas', quota.metadata.namespace, quota.metadata.name])}>{quota.metadata.name}</a> <span class="dim">{quota.metadata.namespace}</span></>}>
          <ul class="quota">
            {quotaLines(quota).map((line) => (
              <li key={line.what} class={`tone-${line.tone}`}>
                <span class="mono">{line.what}</span>
                <span class="quota-count"><b>{line.used}</b> <span class="dim">{t.cluster.of(line.hard)}</span></span>
                <span class="meter" role="img" aria-label={t.cluster.share(Math.round(line.share * 100))}>
                  <i style={{ width: `${Math.min(100, line.share * 100)}%` }} />
                </span>
                {line.tone === 'bad' && <small class="quota-full">{t.cluster.full}</small>}
              </li>
            ))}
          </ul>
        </Panel>
      ))}
    </div>
  );
}

export function Cluster() {
  const tab = place.value.query.get('tab') ?? 'nodes';
  return (
    <div class="full">
      <Head title={t.cluster.title} />
      <Tabs label={t.cluster.title} current={tab} onPick={(id) => go(href('cluster', [], { tab: id }))}
            tabs={[{ id: 'nodes', text: t.cluster.nodes }, { id: 'quotas', text: t.cluster.quotas }]} />
      {tab === 'quotas' ? <Quotas /> : <Nodes />}
    </div>
  );
}
