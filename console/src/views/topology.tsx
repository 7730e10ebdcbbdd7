// What leads where, as a picture that moves while it changes: ingresses, services, pods, nodes.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { EndpointSlice, Ingress, Node, Pod, ReplicaSet, Service } from '../api/types';
import { isSame } from '../model/order';
import { podState } from '../model/pod';
import { baseOf, type Box, type Kept, kShownPods, type Lane, type Link, type Topology as Picture, topologyOf } from '../model/topology';
import { gapsOf, kGaps, wideOf } from '../model/wires';
import { href } from '../router';
import { namespace, narrow } from '../settings';
import { t } from '../texts';
import { useNextFrame } from '../ui/frames';
import { Badge, Head, Standing } from '../ui/parts';
import { seenIn } from '../ui/why';
import { WirePicture } from '../ui/wires';

const kWidthMin = 650;
const kManyLinks = 200;
// Of more, each step to their picture has a frame of its own.
const kManyPods = 1_000;
const kPadding = 4; // Of both sides.
// Of a column, and of the space between two, in parts of all; where that is less than a row of pods needs, those have
// as much, and the others share the rest.
const kWide = [0.19, 0.19, 0.28, 0.17];
const kSpace = 0.17 / 3;
const kPods = 2;
const kPodsMin = 236;
const kSpaceMin = 20;

function columnsIn(width: number): { lefts: number[]; widths: number[] } {
  const isTight = kWide[kPods]! * width < kPodsMin;
  const space = isTight ? kSpaceMin : kSpace * width;
  const rest = (width - kPodsMin - 3 * kSpaceMin) / 3;
  const widths = kWide.map((each, at) => (!isTight ? each * width : at === kPods ? kPodsMin : rest));
  return { widths, lefts: widths.map((_, at) => widths.slice(0, at).reduce((a, b) => a + b, 0) + at * space) };
}

function hrefOf(box: Box): string {
  if (box.kind === 'Service') return href('service', [box.space, box.name]);
  if (box.kind === 'Deployment') return href('deployment', [box.space, box.name]);
  if (box.kind === 'Pod') return href('pod', [box.space, box.name]);
  if (box.kind === 'Ingress') return href('object', ['ingresses', box.space, box.name]);
  if (box.kind === 'Node') return href('object', ['nodes', '', box.name]);
  const plural = `${box.kind.toLowerCase()}s`;
  return plural in kinds ? href('object', [plural, box.space, box.name]) : href('pods');
}

// The list of the last time, as long as it has the same in it: what is made of it is then not made again.
function useSame<T>(list: T[]): T[] {
  const last = useRef(list);
  if (!isSame(list, last.current)) last.current = list;
  return last.current;
}

function LaneOf({ lane, many }: { lane: Lane; many: boolean }) {
  const more = lane.pods.length - kShownPods;
  const shown = useSame(lane.pods.slice(0, kShownPods));
  const squares = useMemo(() => shown.map((pod) => (
    <a key={pod.metadata.uid} class={`square tone-${podState(pod).tone}`} tabIndex={-1}
       href={href('pod', [pod.metadata.namespace, pod.metadata.name])}
       title={`${pod.metadata.name} · ${podState(pod).word}`} aria-label={`${pod.metadata.name}, ${podState(pod).word}`} />
  )), [shown]);
  return (
    <div class={lane.isNew ? 'topo-lane' : 'topo-lane old'}>
      {many && (
        <small title={lane.text}>
          <b>{lane.isNew ? t.deployment.newest : t.deployment.old}</b> <span class="mono">{lane.text}</span>
        </small>
      )}
      <div class="topo-pods">
        {squares}
        {more > 0 && <small class="dim">+{more}</small>}
      </div>
    </div>
  );
}

interface BoxProps {
  box: Box;
  style?: Record<string, string>; // Where it is in a picture.
  lit: boolean | null;
  onLook: (id: string) => void;
  leadsTo?: string | undefined; // What a line would show.
}

function BoxOf({ box, style, lit, onLook, leadsTo }: BoxProps) {
  return (
    <li
      class={`topo-box topo-${box.kind.toLowerCase()} tone-${box.tone}${lit === null ? '' : lit ? ' lit' : ' unlit'}`}
      style={style ?? {}}
      onPointerEnter={() => onLook(box.id)}
      onPointerLeave={() => onLook('')}
      onFocusCapture={() => onLook(box.id)}
      onBlurCapture={() => onLook('')}
    >
      <div class="topo-head">
        <a href={hrefOf(box)} title={box.name}>{box.name}</a>
        <small>{box.kind === 'Node' ? t.topology.podsHere(box.sub) : box.sub}</small>
      </div>
      {box.lanes.length === 0
        ? <small class="dim topo-sub">{box.space}{box.tone === 'warn' && box.kind === 'Service' ? ` · ${t.topology.nobody}` : ''}{box.tone === 'bad' && box.kind === 'Ingress' ? ` · ${t.topology.leadsNowhere}` : ''}</small>
        : box.lanes.map((lane) => <LaneOf key={lane.key} lane={lane} many={box.lanes.length > 1} />)}
      {leadsTo && <small class="topo-to">→ {leadsTo}</small>}
    </li>
  );
}

function edge(from: Box, to: Box, xFrom: number, xTo: number): string {
  const [a, b] = [from.y + from.height / 2, to.y + to.height / 2];
  const bend = (xTo - xFrom) * 0.5;
  return `M${xFrom} ${a}C${xFrom + bend} ${a} ${xTo - bend} ${b} ${xTo} ${b}`;
}

// The boxes that a look at this one shows: all that it leads to, and all that leads to it.
function around(links: Link[], id: string): Set<string> {
  const found = new Set([id]);
  const walk = (from: 'from' | 'to', to: 'from' | 'to') => {
    let edge = [id];
    while (edge.length > 0) {
      const next = links.filter((each) => edge.includes(each[from])).map((each) => each[to]).filter((each) => !found.has(each));
      next.forEach((each) => found.add(each));
      edge = next;
    }
  };
  walk('from', 'to');
  walk('to', 'from');
  return found;
}

const kNamesMax = 3;

// What each box leads to, by its name: an ingress to services, and so on.
function namesBehind({ boxes, links }: Picture): Map<string, string> {
  const names = new Map(boxes.map((each) => [each.id, each.name]));
  const behind = new Map<string, string[]>();
  for (const { from, to } of links) behind.set(from, [...(behind.get(from) ?? []), names.get(to) ?? '']);
  return new Map([...behind].map(([id, all]) => {
    const shown = all.slice(0, kNamesMax).join(', ');
    return [id, all.length > kNamesMax ? t.topology.andMore(shown, all.length - kNamesMax) : shown];
  }));
}

// On a phone four columns have no room beside each other: they are below each other, and words say what lines would.
function Stack({ picture }: { picture: Picture }) {
  const [looked, setLooked] = useState('');
  const lit = useMemo(() => (picture.boxes.some((each) => each.id === looked) ? around(picture.links, looked) : null), [picture, looked]);
  const behind = useMemo(() => namesBehind(picture), [picture]);
  return (
    <div class="topo-stack" role="group" aria-label={t.topology.label}>
      {t.topology.columns.map((title, column) => {
        const boxes = picture.boxes.filter((each) => each.column === column);
        return boxes.length > 0 && (
          <section key={title}>
            <h2>{title}</h2>
            <ul>
              {boxes.map((box) => (
                <BoxOf key={box.id} box={box} onLook={setLooked} lit={lit === null ? null : lit.has(box.id)} leadsTo={behind.get(box.id)} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function Canvas({ picture }: { picture: Picture }) {
  const frame = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(kWidthMin);
  const [looked, setLooked] = useState('');
  useLayoutEffect(() => {
    const measure = () => setRoom(frame.current!.clientWidth - kPadding);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  const width = Math.max(kWidthMin, room);
  const { lefts, widths } = useMemo(() => columnsIn(width), [width]);
  const { boxes } = picture;
  const byId = useMemo(() => new Map(boxes.map((each) => [each.id, each])), [boxes]);
  const many = picture.links.length > kManyLinks;
  const drawn = useNextFrame(useMemo(() => ({ links: picture.links, byId }), [picture, byId]), !many);
  const lit = useMemo(() => (looked === '' || !byId.has(looked) ? null : around(picture.links, looked)), [picture, looked]);
  const gaps = useMemo(() => (many ? gapsOf(drawn.links, drawn.byId) : []), [drawn, many]);
  const spans = useMemo(() => kGaps.map((at) => {
    const left = Math.floor(lefts[at]! + widths[at]!);
    return { left, width: Math.ceil(lefts[at + 1]!) - left };
  }), [lefts, widths]);
  const paths = useMemo(() => {
    const isLit = (link: Link) => lit !== null && lit.has(link.from) && lit.has(link.to);
    // Of many, those alone that somebody looks at: the others are not of the page.
    return drawn.links.filter((link) => !many || isLit(link)).map((link) => {
      const [from, to] = [drawn.byId.get(link.from)!, drawn.byId.get(link.to)!];
      const on = lit === null ? '' : isLit(link) ? ' lit' : ' unlit';
      return (
        <path key={`${link.from} ${link.to}`} class={`topo-link tone-${link.tone}${on}`} stroke-width={wideOf(link)}
              d={edge(from, to, lefts[from.column]! + widths[from.column]!, lefts[to.column]!)} />
      );
    });
  }, [drawn, lit, many, lefts, widths]);
  return (
    <div class="topo" ref={frame} tabIndex={0} role="group" aria-label={t.topology.label}>
      <div class="topo-titles" style={{ width: `${width}px` }}>
        {t.topology.columns.map((text, at) => <h2 key={text} style={{ left: `${lefts[at]}px` }}>{text}</h2>)}
      </div>
      <div class={`topo-canvas${many ? ' many' : ''}`} style={{ width: `${width}px`, height: `${picture.height}px` }}>
        {many && <WirePicture gaps={gaps} spans={spans} height={picture.height} unlit={lit !== null} />}
        <svg width={width} height={picture.height} aria-hidden="true" focusable="false">
          {paths}
        </svg>
        <ul>
          {boxes.map((box) => (
            <BoxOf key={box.id} box={box} onLook={setLooked} lit={lit === null ? null : lit.has(box.id)}
                   style={{ left: `${lefts[box.column]}px`, width: `${widths[box.column]}px`, transform: `translateY(${Math.round(box.y)}px)`, height: `${box.height}px` }} />
          ))}
        </ul>
      </div>
    </div>
  );
}

export function Topology() {
  const space = namespace.value;
  const lives = [
    useLive<Ingress>(kinds.ingresses, space), useLive<Service>(kinds.services, space),
    useLive<EndpointSlice>(kinds.endpointslices, space), useLive<ReplicaSet>(kinds.replicasets, space),
    useLive<Node>(kinds.nodes),
  ] as const;
  const pods = useLive<Pod>(kinds.pods, space);
  const [ingresses, sets, nodes] = [lives[0].list, lives[3].list, lives[4].list];
  const [services, slices] = [seenIn(lives[1]), seenIn(lives[2])];
  const list = pods.list;
  // Nothing is drawn at one place first and at another then; what one may not see is not waited for.
  const known = pods.loaded && lives.every((each) => each.loaded || each.status.value === 'refused');
  const kept = useRef<Kept>(new Map());
  const base = useNextFrame(useMemo(() => baseOf(list, sets, kept.current), [list, sets]), !known || list.length <= kManyPods);
  const picture = useMemo(
    () => topologyOf({ ingresses, services, slices, nodes }, base), [ingresses, services, slices, nodes, base],
  );
  const moving = picture.boxes.some((each) => each.lanes.length > 1);
  return (
    <>
      <Head title={t.topology.title} sub={
        <>
          <span>{t.topology.sub}</span>
          {moving && <Badge tone="busy">{t.workloads.progressing}</Badge>}
        </>
      } />
      {!known ? <Standing of={pods.loaded ? lives.find((each) => !each.loaded)! : pods} /> : picture.boxes.length === 0 ? <p class="empty">{t.nothing}</p> : narrow.value ? <Stack picture={picture} /> : <Canvas picture={picture} />}
      {picture.hidden > 0 && <p class="dim small">{t.topology.hidden(picture.hidden)}</p>}
    </>
  );
}
