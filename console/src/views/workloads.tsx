// Deployments and their like, and rollouts as they happen.
import { useMemo } from 'preact/hooks';

import { type Kind, kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { Deployment, Pod, ReplicaSet, Workload } from '../api/types';
import { podState } from '../model/pod';
import { type ControllerRevision, kRevisions, type Turn, turnOf } from '../model/revisions';
import { byController, imagesOf, type Rollout, rolloutOf, type Stage } from '../model/rollout';
import { go, href, place } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, Badge, Head, Icon, Standing, Tabs } from '../ui/parts';
import { type Column, Table } from '../ui/table';

// In two rows of the narrowest column of them; of more, the last have their place for a number.
const kDotsMax = 20;
const kDotsBeside = 16;

// Where there is no room for all of it, the end is what tells one from another.
function Images({ of }: { of: Parameters<typeof imagesOf>[0] }) {
  return <span class="mono dim tail"><bdi>{imagesOf(of).join(', ')}</bdi></span>;
}

// A pod a dot, the new revision's first; what does not fit is a number.
type Dotted = Pick<Rollout, 'ready' | 'wanted'> & { revisions: Stage[] };

export function PodDots({ rollout }: { rollout: Dotted }) {
  return useMemo(() => dotsOf(rollout), [rollout]);
}

function dotsOf(rollout: Dotted) {
  const dots = rollout.revisions.flatMap((revision) =>
    revision.pods.map((pod) => ({ pod, isNew: revision.isNew })),
  );
  const most = dots.length > kDotsMax ? kDotsBeside : kDotsMax;
  return (
    <span class="dots" role="img" aria-label={`${rollout.ready}/${rollout.wanted}`}>
      {dots.slice(0, most).map(({ pod, isNew }) => (
        <i key={pod.metadata.uid} class={`pod-dot tone-${podState(pod).tone} ${isNew ? '' : 'old'}`} />
      ))}
      {dots.length > most && <small class="dim">+{dots.length - most}</small>}
    </span>
  );
}

interface Row {
  deployment: Deployment;
  rollout: Rollout;
}

const kDeploymentColumns: Column<Row>[] = [
  {
    id: 'name', title: t.columns.name, width: 'minmax(104px, 1.6fr)',
    cell: ({ deployment }) => <a class="name" href={hrefOf(deployment)} tabIndex={-1}>{deployment.metadata.name}</a>,
    sort: ({ deployment }) => deployment.metadata.name,
  },
  {
    id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
    cell: ({ deployment }) => <span class="dim">{deployment.metadata.namespace}</span>,
    sort: ({ deployment }) => deployment.metadata.namespace ?? '',
  },
  {
    id: 'status', title: t.columns.status, width: 'minmax(114px, 1fr)',
    cell: ({ rollout }) => <Badge tone={rollout.tone}>{t.workloads[rollout.word]}</Badge>,
    sort: ({ rollout }) => rollout.word,
  },
  {
    id: 'ready', title: t.columns.ready, width: '62px', end: true,
    cell: ({ rollout }) => `${rollout.ready}/${rollout.wanted}`,
    sort: ({ rollout }) => (rollout.wanted ? rollout.ready / rollout.wanted : 1),
  },
  { id: 'pods', title: t.columns.pods, width: 'minmax(150px, 1.6fr)', wide: true, cell: ({ rollout }) => <PodDots rollout={rollout} /> },
  {
    id: 'image', title: t.columns.image, width: 'minmax(120px, 1.6fr)', wide: 2,
    cell: ({ deployment }) => <Images of={deployment.spec.template.spec} />,
    sort: ({ deployment }) => imagesOf(deployment.spec.template.spec).join(),
  },
  {
    id: 'age', title: t.columns.age, width: '64px', wide: true, end: true,
    cell: ({ deployment }) => <Age time={deployment.metadata.creationTimestamp} />,
    sort: ({ deployment }) => -Date.parse(deployment.metadata.creationTimestamp),
  },
];

function hrefOf(deployment: Deployment): string {
  return href('deployment', [deployment.metadata.namespace, deployment.metadata.name]);
}

function Deployments() {
  const space = namespace.value;
  const deployments = useLive<Deployment>(kinds.deployments, space);
  const sets = useLive<ReplicaSet>(kinds.replicasets, space).list;
  const pods = useLive<Pod>(kinds.pods, space).list;
  const list = deployments.list;
  const rows = useMemo(() => {
    const bySet = byController(sets);
    const byOwner = byController(pods);
    return list.map((deployment) => ({ deployment, rollout: rolloutOf(deployment, bySet, byOwner) }));
  }, [list, sets, pods]);
  if (!deployments.loaded) return <Standing of={deployments} />;
  return (
    <Table
      label={t.workloads.deployments}
      columns={kDeploymentColumns}
      rows={rows}
      keyOf={({ deployment }) => deployment.metadata.uid}
      textOf={({ deployment, rollout }) =>
        [deployment.metadata.name, deployment.metadata.namespace, t.workloads[rollout.word],
         ...imagesOf(deployment.spec.template.spec)].join(' ')}
      hrefOf={({ deployment }) => hrefOf(deployment)}
      height={44}
    />
  );
}

interface Turned {
  workload: Workload;
  turn: Turn;
}

// Which of their pods are of which revision says ControllerRevisions; who may not see those sees no dots.
function Others({ kind }: { kind: Kind }) {
  const space = namespace.value;
  const workloads = useLive<Workload>(kind, space);
  const revisions = useLive<ControllerRevision>(kRevisions, space).list;
  const pods = useLive<Pod>(kinds.pods, space).list;
  const { list } = workloads;
  const rows = useMemo(() => {
    const byOwner = byController(pods);
    return list.map((workload) => ({ workload, turn: turnOf(workload, revisions, byOwner.get(workload.metadata.uid) ?? []) }));
  }, [list, revisions, pods]);
  const to = ({ workload: { metadata } }: Turned) => href('object', [kind.plural, metadata.namespace, metadata.name]);
  const columns: Column<Turned>[] = [
    { id: 'name', title: t.columns.name, width: 'minmax(104px, 1.6fr)', sort: ({ workload }) => workload.metadata.name,
      cell: (each) => <a class="name" href={to(each)} tabIndex={-1}>{each.workload.metadata.name}</a> },
    { id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
      sort: ({ workload }) => workload.metadata.namespace ?? '', cell: ({ workload }) => <span class="dim">{workload.metadata.namespace}</span> },
    { id: 'status', title: t.columns.status, width: 'minmax(114px, 1fr)', sort: ({ turn }) => turn.word,
      cell: ({ turn }) => <Badge tone={turn.tone}>{t.workloads[turn.word]}</Badge> },
    { id: 'ready', title: t.columns.ready, width: '62px', end: true, sort: ({ turn }) => (turn.wanted ? turn.ready / turn.wanted : 1),
      cell: ({ turn }) => `${turn.ready}/${turn.wanted}` },
    { id: 'pods', title: t.columns.pods, width: 'minmax(150px, 1.6fr)', wide: true, cell: ({ turn }) => <PodDots rollout={turn} /> },
    { id: 'image', title: t.columns.image, width: 'minmax(120px, 1.6fr)', wide: 2,
      cell: ({ workload }) => <Images of={workload.spec.template.spec} /> },
    { id: 'age', title: t.columns.age, width: '64px', wide: true, end: true,
      sort: ({ workload }) => -Date.parse(workload.metadata.creationTimestamp),
      cell: ({ workload }) => <Age time={workload.metadata.creationTimestamp} /> },
  ];
  if (!workloads.loaded) return <Standing of={workloads} />;
  return (
    <Table label={kind.kind} columns={columns} rows={rows} hrefOf={to} keyOf={({ workload }) => workload.metadata.uid} height={44}
           textOf={({ workload: { metadata, spec }, turn }) =>
             [metadata.namespace, metadata.name, t.workloads[turn.word], ...imagesOf(spec.template.spec)].join(' ')} />
  );
}

export function Workloads() {
  const tab = place.value.query.get('tab') ?? 'deployments';
  return (
    <div class="full">
      <Head title={t.workloads.title}>
        <a class="button primary" href={href('deploy')}><Icon name="deploy" />{t.workloads.deploy}</a>
      </Head>
      <Tabs label={t.workloads.title} current={tab} onPick={(id) => go(href('workloads', [], { tab: id }))} tabs={[
        { id: 'deployments', text: t.workloads.deployments },
        { id: 'statefulsets', text: t.workloads.statefulsets },
        { id: 'daemonsets', text: t.workloads.daemonsets },
      ]} />
      {tab === 'deployments' && <Deployments />}
      {tab === 'statefulsets' && <Others key="s" kind={kinds.statefulsets} />}
      {tab === 'daemonsets' && <Others key="d" kind={kinds.daemonsets} />}
    </div>
  );
}
