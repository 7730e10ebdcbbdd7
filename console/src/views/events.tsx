// What happened: an hour as a picture, and all of it as a list.
import { useMemo, useState } from 'preact/hooks';

import { kindOf, kinds } from '../api/kinds';
import { type Live, useLive } from '../api/live';
import type { EventObj } from '../api/types';
import { duration, now } from '../model/age';
import { type Fault, faultsOf } from '../model/chaos';
import { countOf, secondOf, timeOf } from '../model/event';
import { href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Age, Badge, Head, Panel, Standing } from '../ui/parts';
import { type Column, Table } from '../ui/table';
import { useWidth } from '../ui/width';

const kSpanMs = 3_600_000;
const kBuckets = 120;
const kLanesMax = 7;
const kFaultsMax = 3;
const kListedMax = 50;
const kLane = 26;
// What lanes are called stands before them, as far as there is room.
const kLeft = { wide: 168, narrow: 112 };
const kNameMax = { wide: 24, narrow: 15 };
const kNarrow = 560;

function hrefOfObject(event: EventObj): string {
  const { apiVersion, kind = '', namespace: space, name } = event.involvedObject;
  const known = kindOf(kind, apiVersion);
  if (known === kinds.pods) return href('pod', [space, name]);
  if (known === kinds.deployments) return href('deployment', [space, name]);
  if (known === kinds.services) return href('service', [space, name]);
  return known ? href('object', [known.plural, space ?? '', name]) : href('events');
}

// `events`: those of them that are shown. `named`: of several objects, each with its name.
export function EventList({ of, events, named }: { of: Live<EventObj>; events: EventObj[]; named?: boolean }) {
  if (!of.loaded) return <Standing of={of} />;
  if (events.length === 0) return <p class="dim small">{t.events.none}</p>;
  return (
    <ul class="latest">
      {events.slice(0, kListedMax).map((event) => (
        <li key={event.metadata.uid} class={event.type === 'Warning' ? 'tone-warn' : 'tone-none'}>
          <i class="dot" aria-hidden="true" />
          <div>
            <b>{event.reason}</b>{' '}
            {countOf(event) > 1 && <span class="chip">×{countOf(event)}</span>}
            {named && <a class="latest-object" href={hrefOfObject(event)}>{event.involvedObject.name}</a>}
            <small>{event.message}</small>
          </div>
          <Age time={timeOf(event)} />
        </li>
      ))}
    </ul>
  );
}

interface Bucket {
  lane: number;
  at: number;
  count: number;
  warnings: number;
}

// A dot a kind of object and half a minute, as large as what happened then was much. The newest come first.
function bucketsOf(events: EventObj[], end: number): { lanes: string[]; buckets: Bucket[]; warnings: number; all: number } {
  const byKind = new Map<string, Map<number, Bucket>>();
  let warnings = 0;
  let all = 0;
  // Many are of one second, and it is read once.
  let [text, ago] = ['', 0];
  for (const event of events) {
    const time = timeOf(event);
    if (time !== text) [text, ago] = [time, end - Date.parse(time)];
    if (!(ago >= 0 && ago < kSpanMs)) continue;
    const at = kBuckets - 1 - Math.floor((ago / kSpanMs) * kBuckets);
    const lane = event.involvedObject.kind ?? '';
    const inLane = byKind.get(lane) ?? new Map<number, Bucket>();
    byKind.set(lane, inLane);
    const bucket = inLane.get(at) ?? { lane: 0, at, count: 0, warnings: 0 };
    inLane.set(at, bucket);
    bucket.count += 1;
    all += 1;
    if (event.type === 'Warning') {
      bucket.warnings += 1;
      warnings += 1;
    }
  }
  const lanes = [...byKind.keys()].sort((a, b) => byKind.get(b)!.size - byKind.get(a)!.size).slice(0, kLanesMax);
  const buckets = lanes.flatMap((lane, index) => [...byKind.get(lane)!.values()].map((each) => ({ ...each, lane: index })));
  return { lanes, buckets, warnings, all };
}

// From when to when something was broken on purpose, behind all that happened meanwhile.
function FaultBand({ fault, end, height, xOf }: { fault: Fault; end: number; height: number; xOf: (share: number) => number }) {
  const share = (time: number) => Math.max(0, Math.min(1, 1 - (end - time) / kSpanMs));
  const [from, to] = [xOf(share(fault.from)), xOf(share(fault.to ?? end))];
  const length = fault.to === null ? t.events.faultGoesOn : t.events.faultTook(duration(fault.to - fault.from));
  const text = `${fault.text} · ${fault.objects.join(', ')} · ${length}`;
  return (
    <g class={fault.to === null ? 'fault on' : 'fault'}>
      <title>{text}</title>
      <rect x={from} y={2} width={Math.max(4, to - from)} height={height - 26} rx={4} />
      <path d={`M${from} 2h9l-4.500 8z`} />
    </g>
  );
}

function Faults({ faults }: { faults: Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <ul class="faults">
      {faults.slice(-kFaultsMax).reverse().map((fault) => (
        <li key={fault.id}>
          <i class="fault-mark" aria-hidden="true" />
          <span><b>{t.events.fault}</b> {fault.text} <span class="dim">{fault.objects.join(', ')}</span></span>
          {fault.to === null ? <Badge tone="warn">{t.events.faultGoesOn}</Badge>
            : <span class="dim small">{t.events.faultTook(duration(fault.to - fault.from))}</span>}
          <Age time={new Date(fault.from).toISOString()} />
        </li>
      ))}
    </ul>
  );
}

function Timeline({ events, faults }: { events: EventObj[]; faults: Fault[] }) {
  const end = now.value;
  const { lanes, buckets, warnings, all } = useMemo(() => bucketsOf(events, end), [events, end]);
  const height = Math.max(1, lanes.length) * kLane + 28;
  const { of, width } = useWidth<HTMLDivElement>();
  const how = width < kNarrow ? 'narrow' : 'wide';
  const marks = how === 'narrow' ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const left = kLeft[how];
  const xOf = (share: number) => left + share * (width - left - 12);
  const nameOf = (lane: string) => (lane.length > kNameMax[how] ? `${lane.slice(0, kNameMax[how] - 1)}…` : lane);
  return (
    <div ref={of}>
      <svg class="timeline" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={t.events.timelineLabel(all, warnings)}>
        {faults.map((each) => <FaultBand key={each.id} fault={each} end={end} height={height} xOf={xOf} />)}
        {marks.map((share) => (
          <g key={share}>
            <line class="grid-line" x1={xOf(share)} x2={xOf(share)} y1={4} y2={height - 24} />
            <text class="axis" x={xOf(share)} y={height - 6} text-anchor={share === 1 ? 'end' : share === 0 ? 'start' : 'middle'}>
              {share === 1 ? t.events.nowLabel : t.events.ago(duration((1 - share) * kSpanMs))}
            </text>
          </g>
        ))}
        {lanes.map((lane, at) => (
          <g key={lane}>
            <text class="lane-name" x={0} y={at * kLane + 21}>{nameOf(lane)}<title>{lane}</title></text>
            <line class="lane-line" x1={left} x2={width - 12} y1={at * kLane + 17} y2={at * kLane + 17} />
          </g>
        ))}
        {buckets.map((each) => (
          <circle key={`${each.lane} ${each.at}`} class={each.warnings > 0 ? 'event-dot warn' : 'event-dot'}
                  cx={xOf((each.at + 0.5) / kBuckets)} cy={each.lane * kLane + 17} r={Math.min(11, 3 + Math.sqrt(each.count) * 1.3)} />
        ))}
      </svg>
    </div>
  );
}

const kColumns: Column<EventObj>[] = [
  { id: 'seen', title: t.columns.seen, width: '64px', end: true, sort: (each) => -secondOf(each), cell: (each) => <Age time={timeOf(each)} /> },
  { id: 'reason', title: t.columns.reason, width: 'minmax(104px, 1fr)', sort: (each) => each.reason ?? '',
    cell: (each) => <Badge tone={each.type === 'Warning' ? 'warn' : 'none'}>{each.reason}</Badge> },
  { id: 'object', title: t.columns.object, width: 'minmax(110px, 1.6fr)',
    sort: (each) => `${each.involvedObject.kind}/${each.involvedObject.name}`,
    cell: (each) => <a tabIndex={-1} href={hrefOfObject(each)}><span class="dim">{each.involvedObject.kind} </span>{each.involvedObject.name}</a> },
  { id: 'message', title: t.columns.message, width: 'minmax(140px, 3fr)', wide: true, cell: (each) => <span title={each.message}>{each.message}</span> },
  { id: 'count', title: t.columns.count, width: '60px', wide: true, end: true, sort: (each) => -countOf(each), cell: countOf },
];

// What was broken on purpose. Events of nodes are in the namespace "default", and break what is in any.
function useFaults(list: EventObj[], end: number): Fault[] {
  const isThere = namespace.value === '' || namespace.value === 'default';
  const nodes = useLive<EventObj>(kinds.events, isThere ? namespace.value : 'default',
    isThere ? {} : { fields: 'involvedObject.kind=Node' }).list;
  return useMemo(() => {
    const all = isThere ? list : [...list, ...nodes];
    // Those that were over before the hour that is shown are not of it.
    return faultsOf(all, end).filter((each) => (each.to ?? end) > end - kSpanMs);
  }, [list, nodes, isThere, end]);
}

export function Events() {
  const events = useLive<EventObj>(kinds.events, namespace.value);
  const [warnings, setWarnings] = useState(false);
  const list = events.list;
  const shown = useMemo(
    () => (warnings ? list.filter((each) => each.type === 'Warning') : list),
    [list, warnings],
  );
  const end = now.value;
  const faults = useFaults(list, end);
  return (
    <div class="full">
      <Head title={t.events.title} />
      {!events.loaded ? <Standing of={events} /> : (
        <>
          <Panel title={t.events.timeline} side={
            <ul class="legend">
              <li class="tone-event"><i class="dot" aria-hidden="true" />{t.events.normal}</li>
              <li class="tone-warn"><i class="dot" aria-hidden="true" />{t.events.warning}</li>
            </ul>
          }>
            <Timeline events={shown} faults={faults} />
            <Faults faults={faults} />
          </Panel>
          <Table
            label={t.events.title}
            columns={kColumns}
            rows={shown}
            keyOf={(each) => each.metadata.uid}
            textOf={(each) => [each.reason, each.message, each.involvedObject.kind, each.involvedObject.name, each.metadata.namespace].join(' ')}
            hrefOf={hrefOfObject}
            tools={
              <label class="check inline">
                <input type="checkbox" checked={warnings} onChange={(event) => setWarnings(event.currentTarget.checked)} />
                <span>{t.events.warnings}</span>
              </label>
            }
          />
        </>
      )}
    </div>
  );
}
