// Claims with the volumes that they got, and who uses them.
import { useMemo } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { Claim, PersistentVolume, Pod } from '../api/types';
import { go, href, place } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, Badge, Head, Standing, Tabs } from '../ui/parts';
import { type Column, Table } from '../ui/table';
import { useUnboundWhy } from '../ui/why';

function Claims() {
  const space = namespace.value;
  const claims = useLive<Claim>(kinds.persistentvolumeclaims, space);
  const livePods = useLive<Pod>(kinds.pods, space);
  const { list: pods, loaded } = livePods;
  const users = useMemo(() => {
    const found = new Map<string, Pod[]>();
    for (const pod of pods) {
      for (const volume of pod.spec.volumes ?? []) {
        const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : '');
        if (claim === '') continue;
        const key = `${pod.metadata.namespace}/${claim}`;
        found.set(key, [...(found.get(key) ?? []), pod]);
      }
    }
    return found;
  }, [pods]);
  const whys = useUnboundWhy(claims.list, livePods, space);
  const to = (each: Claim) => href('object', ['persistentvolumeclaims', each.metadata.namespace, each.metadata.name]);
  const columns: Column<Claim>[] = [
    { id: 'name', title: t.columns.name, width: 'minmax(104px, 1.6fr)', sort: (each) => each.metadata.name,
      cell: (each) => <a class="name" href={to(each)} tabIndex={-1}>{each.metadata.name}</a> },
    { id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
      cell: (each) => <span class="dim">{each.metadata.namespace}</span> },
    { id: 'status', title: t.columns.status, width: 'minmax(92px, 1fr)', sort: (each) => each.status?.phase ?? '',
      cell: (each) => <Badge tone={each.status?.phase === 'Bound' ? 'good' : each.status?.phase === 'Lost' ? 'bad' : 'warn'}>{each.status?.phase}</Badge> },
    { id: 'size', title: t.columns.size, width: '64px', end: true,
      cell: (each) => each.status?.capacity?.storage ?? each.spec.resources?.requests?.storage },
    { id: 'class', title: t.columns.class, width: 'minmax(90px, 1fr)', wide: 2, cell: (each) => each.spec.storageClassName },
    { id: 'usedBy', title: t.columns.usedBy, width: 'minmax(120px, 1.6fr)', wide: true,
      cell: (each) => {
        const all = users.get(`${each.metadata.namespace}/${each.metadata.name}`) ?? [];
        return all.length === 0 ? loaded && <span class="dim">{t.storage.none}</span>
          : all.map((pod) => <a key={pod.metadata.uid} tabIndex={-1} href={href('pod', [pod.metadata.namespace, pod.metadata.name])}>{pod.metadata.name} </a>);
      } },
    { id: 'age', title: t.columns.age, width: '64px', wide: true, end: true, cell: (each) => <Age time={each.metadata.creationTimestamp} /> },
  ];
  if (!claims.loaded) return <Standing of={claims} />;
  return <Table label={t.storage.claims} columns={columns} rows={claims.list} hrefOf={to} keyOf={(each) => each.metadata.uid}
                under={whys.size === 0 ? undefined : (each) => whys.get(each.metadata.uid) ?? ''}
                textOf={(each) => `${each.metadata.namespace} ${each.metadata.name} ${each.status?.phase} ${each.spec.storageClassName ?? ''}`} />;
}

function Volumes() {
  const volumes = useLive<PersistentVolume>(kinds.persistentvolumes);
  const to = (each: PersistentVolume) => href('object', ['persistentvolumes', '', each.metadata.name]);
  const columns: Column<PersistentVolume>[] = [
    { id: 'name', title: t.columns.name, width: 'minmax(104px, 1.8fr)', sort: (each) => each.metadata.name,
      cell: (each) => <a class="name" href={to(each)} tabIndex={-1}>{each.metadata.name}</a> },
    { id: 'status', title: t.columns.status, width: 'minmax(92px, 1fr)',
      cell: (each) => <Badge tone={each.status?.phase === 'Bound' || each.status?.phase === 'Available' ? 'good' : 'warn'}>{each.status?.phase}</Badge> },
    { id: 'size', title: t.columns.size, width: '64px', end: true, cell: (each) => each.spec.capacity?.storage },
    { id: 'claim', title: t.columns.claim, width: 'minmax(120px, 1.4fr)', wide: true,
      cell: ({ spec: { claimRef } }) => claimRef && (
        <a tabIndex={-1} href={href('object', ['persistentvolumeclaims', claimRef.namespace, claimRef.name])}>{claimRef.namespace}/{claimRef.name}</a>
      ) },
    { id: 'class', title: t.columns.class, width: 'minmax(90px, 1fr)', wide: true, cell: (each) => each.spec.storageClassName },
    { id: 'reclaim', title: t.columns.reclaim, width: '90px', wide: true, cell: (each) => each.spec.persistentVolumeReclaimPolicy },
    { id: 'age', title: t.columns.age, width: '64px', wide: true, end: true, cell: (each) => <Age time={each.metadata.creationTimestamp} /> },
  ];
  if (!volumes.loaded) return <Standing of={volumes} />;
  return <Table label={t.storage.volumes} columns={columns} rows={volumes.list} hrefOf={to} keyOf={(each) => each.metadata.uid}
                textOf={({ metadata, spec, status }) => `${metadata.name} ${spec.claimRef?.name ?? ''} ${status?.phase ?? ''} ${spec.storageClassName ?? ''}`} />;
}

export function Storage() {
  const tab = place.value.query.get('tab') ?? 'claims';
  return (
    <div class="full">
      <Head title={t.storage.title} />
      <Tabs label={t.storage.title} current={tab} onPick={(id) => go(href('storage', [], { tab: id }))}
            tabs={[{ id: 'claims', text: t.storage.claims }, { id: 'volumes', text: t.storage.volumes }]} />
      {tab === 'claims' ? <Claims /> : <Volumes />}
    </div>
  );
}
