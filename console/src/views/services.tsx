// Services, and how many answer for each.
import { useMemo } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { EndpointSlice, Service } from '../api/types';
import { endpointsOf, portText } from '../model/service';
import { href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, Badge, Head, Standing } from '../ui/parts';
import { type Column, Table } from '../ui/table';

interface Row {
  service: Service;
  known: boolean; // Who answers.
  ready: number;
  all: number;
}

function hrefOf({ service }: Row): string {
  return href('service', [service.metadata.namespace, service.metadata.name]);
}

const kColumns: Column<Row>[] = [
  { id: 'name', title: t.columns.name, width: 'minmax(104px, 1.6fr)', sort: ({ service }) => service.metadata.name,
    cell: (row) => <a class="name" href={hrefOf(row)} tabIndex={-1}>{row.service.metadata.name}</a> },
  { id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
    sort: ({ service }) => service.metadata.namespace ?? '',
    cell: ({ service }) => <span class="dim">{service.metadata.namespace}</span> },
  { id: 'type', title: t.columns.type, width: 'minmax(90px, 1fr)', wide: true, sort: ({ service }) => service.spec.type ?? '',
    cell: ({ service }) => service.spec.type },
  { id: 'address', title: t.columns.address, width: 'minmax(110px, 1fr)', wide: true,
    cell: ({ service }) => <span class="mono dim">{service.spec.externalName ?? service.spec.clusterIP}</span> },
  { id: 'ports', title: t.columns.ports, width: 'minmax(90px, 1.4fr)', wide: true,
    cell: ({ service }) => <span class="mono">{(service.spec.ports ?? []).map(portText).join(', ')}</span> },
  { id: 'endpoints', title: t.columns.endpoints, width: 'minmax(96px, 1fr)',
    sort: ({ ready }) => ready,
    cell: ({ service, known, ready, all }) =>
      !known || service.spec.type === 'ExternalName' ? null
        : <Badge tone={ready > 0 ? 'good' : all > 0 ? 'busy' : 'warn'}>{t.services.answers(ready)}</Badge> },
  { id: 'age', title: t.columns.age, width: '64px', end: true,
    sort: ({ service }) => -Date.parse(service.metadata.creationTimestamp),
    cell: ({ service }) => <Age time={service.metadata.creationTimestamp} /> },
];

export function Services() {
  const space = namespace.value;
  const services = useLive<Service>(kinds.services, space);
  const { list: slices, loaded } = useLive<EndpointSlice>(kinds.endpointslices, space);
  const list = services.list;
  const rows = useMemo(
    () => list.map((service) => {
      const endpoints = endpointsOf(service, slices);
      return { service, known: loaded, ready: endpoints.filter((each) => each.ready && each.serves).length, all: endpoints.length };
    }),
    [list, slices, loaded],
  );
  return (
    <div class="full">
      <Head title={t.services.title} />
      {services.loaded ? (
        <Table label={t.services.title} columns={kColumns} rows={rows} hrefOf={hrefOf} keyOf={({ service }) => service.metadata.uid}
               textOf={({ service }) => `${service.metadata.namespace} ${service.metadata.name} ${service.spec.type} ${service.spec.clusterIP}`} />
      ) : <Standing of={services} />}
    </div>
  );
}
