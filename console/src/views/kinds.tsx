// All kinds that the server has, custom ones among them, and the objects of any of them as the server's
// own table has them.
import { useMemo } from 'preact/hooks';

import { lookAgain, useOffered } from '../api/discovery';
import { useLive } from '../api/live';
import type { Obj } from '../api/types';
import { cellText, type Offered, shownColumns, type TableColumn } from '../model/discovery';
import { pageOf } from '../model/logged';
import { href, place } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, ErrorNotice, Head, Notice, Standing } from '../ui/parts';
import { type Column, Table } from '../ui/table';

const kWideAfter = 1; // Columns that a narrow screen has room for, beside name and age.

// The view of an object of a kind, which addresses call by its name.
function hrefOf({ name, kind }: Offered, { metadata }: Obj): string {
  const space = metadata.namespace ?? '';
  if (name === 'pods') return href('pod', [space, metadata.name]);
  const [view, params] = pageOf({ ...kind, plural: name }, space, metadata.name);
  return href(view, params);
}

function groupOf(each: Offered): string {
  return each.kind.group === '' ? t.kinds.core : each.kind.group;
}

function hrefOfKind(each: Offered): string {
  return href('kinds', [each.name]);
}

const kColumns: Column<Offered>[] = [
  { id: 'kind', title: t.columns.kind, width: 'minmax(150px, 1.6fr)', sort: (each) => each.kind.kind.toLowerCase(),
    cell: (each) => <a class="name" href={hrefOfKind(each)} tabIndex={-1}>{each.kind.kind}</a> },
  { id: 'group', title: t.columns.group, width: 'minmax(130px, 1.6fr)', sort: groupOf,
    cell: (each) => <span class="dim">{groupOf(each)}</span> },
  { id: 'version', title: t.columns.version, width: 'minmax(80px, 0.6fr)', wide: true, cell: (each) => each.kind.version },
  { id: 'short', title: t.columns.short, width: 'minmax(80px, 0.8fr)', wide: true,
    cell: (each) => <span class="mono">{each.short.join(', ')}</span> },
  { id: 'scope', title: t.columns.scope, width: 'minmax(110px, 0.8fr)', wide: true, sort: (each) => String(each.kind.namespaced),
    cell: (each) => (each.kind.namespaced ? t.kinds.namespaced : t.kinds.ofCluster) },
];

function columnsOf(offered: Offered, titles: TableColumn[], allSpaces: boolean): Column<Obj>[] {
  const { kind } = offered;
  const columns: Column<Obj>[] = [
    { id: 'name', title: t.columns.name, width: 'minmax(112px, 1.8fr)', sort: (each) => each.metadata.name,
      cell: (each) => <a class="name" href={hrefOf(offered, each)} tabIndex={-1}>{each.metadata.name}</a> },
  ];
  if (kind.namespaced && allSpaces) {
    columns.push({ id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
      sort: (each) => each.metadata.namespace ?? '', cell: (each) => <span class="dim">{each.metadata.namespace}</span> });
  }
  const shown = shownColumns(titles);
  shown.forEach((column, index) => {
    if (column.isAge) return;
    columns.push({
      id: `cell-${column.at}`,
      title: column.title,
      width: column.isNumber ? 'minmax(70px, 0.6fr)' : 'minmax(90px, 1fr)',
      wide: index >= kWideAfter,
      end: column.isNumber,
      sort: (each) => (column.isNumber ? Number(each.cells?.[column.at]) || 0 : cellText(each.cells?.[column.at])),
      cell: (each) => <span title={cellText(each.cells?.[column.at])}>{cellText(each.cells?.[column.at])}</span>,
    });
  });
  columns.push({ id: 'age', title: t.columns.age, width: '64px', end: true,
    sort: (each) => -Date.parse(each.metadata.creationTimestamp), cell: (each) => <Age time={each.metadata.creationTimestamp} /> });
  return columns;
}

function Objects({ offered }: { offered: Offered }) {
  const { kind, name } = offered;
  const space = kind.namespaced ? namespace.value : '';
  const live = useLive<Obj>(kind, space, { table: true });
  const titles = live.titles.value;
  const columns = useMemo(() => columnsOf(offered, titles, space === ''), [offered, titles, space]);
  return (
    <div class="full">
      <Head title={kind.kind} sub={<><span>{groupOf(offered)}</span><span>{kind.version}</span></>}>
        <a class="button" href={href('kinds')}>{t.nav.kinds}</a>
      </Head>
      {!live.loaded ? <Standing of={live} /> : (
        <Table
          key={name}
          scrolls
          label={kind.kind}
          columns={columns}
          rows={live.list}
          keyOf={(each) => each.metadata.uid}
          textOf={(each) => `${each.metadata.namespace ?? ''} ${(each.cells ?? [each.metadata.name]).map(cellText).join(' ')} ${Object.entries(each.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`).join(' ')}`}
          hrefOf={(each) => hrefOf(offered, each)}
        />
      )}
    </div>
  );
}

export function Kinds() {
  const [name = ''] = place.value.params;
  const { list, error } = useOffered();
  const offered = name === '' ? undefined : list?.find((each) => each.name === name);
  // Without a watch there is nothing that could be followed.
  const listed = useMemo(() => (list ?? []).filter((each) => each.follows), [list]);
  if (offered?.follows) return <Objects key={name} offered={offered} />;
  return (
    <div class="full">
      <Head title={t.kinds.title} sub={<span>{t.kinds.sub}</span>} />
      {name !== '' && list && <Notice tone="warn">{t.kinds.none(name)}</Notice>}
      {error && <><ErrorNotice error={error} /><button class="button" onClick={() => void lookAgain()}>{t.retry}</button></>}
      {list ? (
        <Table label={t.kinds.title} columns={kColumns} rows={listed} hrefOf={hrefOfKind} keyOf={(each) => each.name}
               textOf={(each) => `${each.kind.kind} ${each.name} ${groupOf(each)} ${each.short.join(' ')}`} />
      ) : !error && <div class="empty" role="status"><span class="spinner" aria-hidden="true" />{t.loading}</div>}
    </div>
  );
}
