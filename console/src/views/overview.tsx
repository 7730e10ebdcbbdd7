// One glance: what there is, where it runs, and what needs somebody.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { type Live, useLive } from '../api/live';
import type { Claim, Deployment, EventObj, Node, Pod, ReplicaSet, ResourceQuota } from '../api/types';
import { kUsage, usageOfPods, useUsage } from '../api/usage';
import { now } from '../model/age';
import { type Looked, lookedAt } from '../model/attention';
import { isSameUnbound, type Unbound, unboundOf } from '../model/claim';
import type { MapCell, MapGroup } from '../model/mapplaces';
import { isJudged, isOverlooked, isUnscheduled } from '../model/obstacles';
import { isSame } from '../model/order';
import { condition, isRunning, kToneOrder, ownerOf, podState, podWhy, type Tone } from '../model/pod';
import { askedBy, isHeld } from '../model/asked';
import { bytes, cores, quantity } from '../model/quantity';
import { quotaLines } from '../model/quota';
import { byController, type Rollout, rolloutOf, rolloutWhy } from '../model/rollout';
import { href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { useNextFrame } from '../ui/frames';
import { Badge, Head, Icon, Panel, Standing } from '../ui/parts';
import { UsagePanel } from '../ui/plot';
import { PodMap } from '../ui/podmap';
import { type Unreached, useUnreached } from '../ui/unreached';
import { useClaimWhy, useWhy } from '../ui/why';
import { EventList } from './events';
import { PodDots } from './workloads';

const kAttentionMax = 8;
const kEventsMax = 8;
const kRolloutsMax = 8;
// Of more, the map has frames of its own, as have the lists.
const kManyPods = 1_000;
const kLatestMs = 1_000;
const kWaitingMs = 10_000;
const kWaitingShare = 0.05; // Of many, so many may wait before their place grows.
const kShownTones: Tone[] = ['good', 'busy', 'warn', 'bad', 'done', 'gone'];

function isReady(node: Node): boolean {
  return condition(node.status?.conditions, 'Ready')?.status === 'True';
}

// Of the pods that did not change, what it was.
const cells = new WeakMap<Pod, MapCell>();

function cellOf(pod: Pod): MapCell {
  const known = cells.get(pod);
  if (known) return known;
  const state = podState(pod);
  const made = {
    key: pod.metadata.uid,
    tone: state.tone,
    name: pod.metadata.name,
    word: `${state.word} · ${pod.metadata.namespace}`,
    href: href('pod', [pod.metadata.namespace, pod.metadata.name]),
    place: `${pod.metadata.namespace} ${ownerOf(pod)} ${pod.metadata.name}`,
  };
  cells.set(pod, made);
  return made;
}

// Those of one workload side by side.
function cellsOf(pods: Pod[]): MapCell[] {
  return pods.map(cellOf).sort((a, b) => (a.place < b.place ? -1 : 1));
}

// The cells of a node whose pods are those of the last time are those of the last time.
type Kept = Map<string, { pods: Pod[]; cells: MapCell[] }>;

function keep(kept: Kept): (node: string, pods: Pod[]) => MapCell[] {
  const before = new Map(kept);
  kept.clear();
  return (node, pods) => {
    const old = before.get(node);
    const now = old && isSame(old.pods, pods) ? old : { pods, cells: cellsOf(pods) };
    kept.set(node, now);
    return now.cells;
  };
}

const byTitle = new Intl.Collator(undefined, { numeric: true }).compare;

// `isWaiting`: with a place for pods that have no node, though there are none now.
function groupsOf(nodes: Node[], pods: Pod[], space: string, kept: Kept, isWaiting: boolean): MapGroup[] {
  const cellsOn = keep(kept);
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const key = pod.spec.nodeName ?? '';
    const list = byNode.get(key);
    if (list) list.push(pod);
    else byNode.set(key, [pod]);
  }
  const groups = nodes
    .map((node): MapGroup => {
      const here = byNode.get(node.metadata.name) ?? [];
      const room = quantity(node.status?.allocatable?.pods);
      const held = here.filter(isHeld).length;
      return {
        key: node.metadata.name,
        title: node.metadata.name,
        // Those of one namespace are not all that are there.
        sub: space === '' ? `${held} / ${room}` : `${held}`,
        share: room > 0 && space === '' ? held / room : 0,
        tone: isReady(node) ? 'good' : 'bad',
        cells: cellsOn(node.metadata.name, here),
      };
    })
    .sort((a, b) => byTitle(a.title, b.title));
  // Who may not see nodes sees where pods are all the same.
  const seen = new Set(nodes.map((node) => node.metadata.name));
  for (const [name, here] of byNode) {
    if (name === '' || seen.has(name)) continue;
    groups.push({ key: name, title: name, sub: `${here.length}`, share: 0, tone: 'good', cells: cellsOn(name, here) });
  }
  groups.sort((a, b) => byTitle(a.title, b.title));
  const waiting = byNode.get('') ?? [];
  if (waiting.length > 0 || isWaiting) {
    groups.push({
      key: '', title: t.overview.waiting, sub: `${waiting.length}`, share: 0, tone: 'warn', cells: cellsOn('', waiting),
      room: pods.length > kManyPods ? pods.length * kWaitingShare : 0,
    });
  }
  return groups;
}

interface Counts {
  tones: Map<Tone, number>;
  cpu: number; // Asked for by those that hold it.
  memory: number;
}

function countsOf(pods: Pod[]): Counts {
  const counts: Counts = { tones: new Map(), cpu: 0, memory: 0 };
  for (const pod of pods) {
    const { tone } = podState(pod);
    counts.tones.set(tone, (counts.tones.get(tone) ?? 0) + 1);
    if (!isHeld(pod)) continue;
    const { cpu, memory } = askedBy(pod);
    counts.cpu += cpu;
    counts.memory += memory;
  }
  return counts;
}

function Stat(props: { label: string; value: string; sub: string; share: number; tone: Tone; to?: string }) {
  const inside = (
    <>
      <span class="stat-label">{props.label}</span>
      <span class="stat-value">{props.value}</span>
      <span class="stat-sub">{props.sub}</span>
      <span class={`meter tone-${props.tone}`} aria-hidden="true">
        <i style={{ width: `${Math.round(Math.min(1, props.share) * 100)}%` }} />
      </span>
    </>
  );
  return props.to ? <a class="stat" href={props.to}>{inside}</a> : <div class="stat">{inside}</div>;
}

interface Rolled {
  deployment: Deployment;
  rollout: Rollout;
}

interface Trouble {
  key: string;
  space?: string | undefined; // The namespace of what it is.
  tone: Tone;
  word: string;
  name: string;
  times: number;
  why: string;
  pod?: Pod; // Where its own state says why.
  rollout?: Rollout; // Where that does.
  to: string;
}

// Quotas that let nothing more come to be.
function fullQuotas(quotas: ResourceQuota[]): Trouble[] {
  return quotas.flatMap((quota) => {
    const full = quotaLines(quota).filter((each) => each.tone === 'bad' && each.hard !== '0');
    if (full.length === 0) return [];
    return [{
      key: quota.metadata.uid, space: quota.metadata.namespace, tone: 'warn' as Tone, word: t.cluster.full, name: t.cluster.quota(quota.metadata.name), times: 1,
      why: full.map((each) => `${each.what}: ${each.used} ${t.cluster.of(each.hard)}`).join(', '),
      to: href('cluster', [], { tab: 'quotas' }),
    }];
  });
}

// What leads nowhere, waits for a load balancer, or was refused its pods.
function unreachedTroubles({ ingresses, balancers, unmade }: Unreached): Trouble[] {
  return [
    ...unmade.map(({ kind, object, why }) => ({
      key: object.metadata.uid, space: object.metadata.namespace, tone: 'bad' as Tone, word: t.overview.refused, name: `${kind.kind} ${object.metadata.name}`, times: 1, why,
      to: href('object', [kind.plural, object.metadata.namespace, object.metadata.name]),
    })),
    ...ingresses.map(({ ingress: { metadata }, lines }) => ({
      key: metadata.uid, space: metadata.namespace, tone: 'warn' as Tone, word: t.overview.leadsNowhere, name: `Ingress ${metadata.name}`, times: 1, why: lines.join('; '),
      to: href('object', ['ingresses', metadata.namespace, metadata.name]),
    })),
    ...balancers.map(({ metadata }) => ({
      key: metadata.uid, space: metadata.namespace, tone: 'warn' as Tone, word: t.overview.unbalanced, name: `Service ${metadata.name}`, times: 1,
      why: t.services.unbalanced, to: href('service', [metadata.namespace, metadata.name]),
    })),
  ];
}

function troublesOf(
  nodes: Node[], pods: Pod[], rollouts: Rolled[], unbound: Unbound[], quotas: ResourceQuota[], unreached: Unreached, at: number,
): Trouble[] {
  const found = fullQuotas(quotas);
  const same = new Map<string, Trouble>();
  const told = new Set<string>(); // What the lines of rollouts say of their pods.
  for (const node of nodes) {
    if (isReady(node)) continue;
    found.push({
      key: node.metadata.uid, tone: 'bad', word: 'NotReady', name: t.overview.node(node.metadata.name), times: 1,
      why: condition(node.status?.conditions, 'Ready')?.message ?? t.overview.nodeNotReady,
      to: href('object', ['nodes', '', node.metadata.name]),
    });
  }
  for (const { deployment, rollout } of rollouts) {
    if (rollout.word !== 'stalled') continue;
    const { stuck } = rollout;
    if (stuck) told.add(`${deployment.metadata.namespace}/${deployment.metadata.name} ${podState(stuck).word}`);
    found.push({
      key: deployment.metadata.uid, space: deployment.metadata.namespace, tone: 'bad', word: t.workloads.stalled, name: deployment.metadata.name, times: 1,
      why: '', rollout, to: href('deployment', [deployment.metadata.namespace, deployment.metadata.name]),
    });
  }
  for (const pod of pods) {
    const state = podState(pod);
    const why = state.tone === 'bad' || state.tone === 'warn' ? podWhy(pod) : '';
    const isSilent = isOverlooked(pod, at);
    if (state.tone !== 'bad' && why === '' && !isSilent) continue;
    // Pods of one owner that have the same trouble are one line.
    const owner = ownerOf(pod);
    const key = owner ? `${pod.metadata.namespace}/${owner} ${state.word}` : pod.metadata.uid;
    if (told.has(key)) continue;
    const known = same.get(key);
    if (known) {
      known.times += 1;
      continue;
    }
    const trouble = {
      key, space: pod.metadata.namespace, tone: isSilent ? 'warn' as Tone : state.tone, word: state.word, name: owner || pod.metadata.name, why, pod, times: 1,
      to: href('pod', [pod.metadata.namespace, pod.metadata.name]),
    };
    same.set(key, trouble);
    found.push(trouble);
  }
  for (const { claim, why } of unbound) {
    found.push({
      key: claim.metadata.uid, space: claim.metadata.namespace, tone: 'warn', word: claim.status?.phase ?? '', name: claim.metadata.name, times: 1, why,
      to: href('object', ['persistentvolumeclaims', claim.metadata.namespace, claim.metadata.name]),
    });
  }
  found.push(...unreachedTroubles(unreached));
  return found.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function Legend({ counts }: { counts: Map<Tone, number> }) {
  return (
    <ul class="legend">
      {kShownTones.filter((tone) => counts.has(tone)).map((tone) => (
        <li key={tone} class={`tone-${tone}`}>
          <i class="dot" aria-hidden="true" />
          {t.tone[tone]} <b>{counts.get(tone)}</b>
        </li>
      ))}
    </ul>
  );
}

// Nothing is well before it is known.
function Attention(props: { troubles: Trouble[]; looked: Looked; many: boolean }) {
  const { looked } = props;
  const troubles = useNextFrame(props.troubles, !props.many);
  const shown = useMemo(() => troubles.slice(0, kAttentionMax), [troubles]);
  const why = useWhy(useMemo(() => shown.flatMap(({ pod, rollout }) => pod ?? rollout?.stuck ?? []), [shown]));
  return useMemo(() => (
    <Panel title={t.overview.attention}>
      {looked === 'waits' && troubles.length === 0 && <p class="dim small" role="status">{t.loading}</p>}
      {looked !== 'waits' && troubles.length === 0 && (
        <p class="all-well tone-good">
          <Icon name="check" /> {looked === 'all' ? t.overview.allWell : t.overview.seenWell}
        </p>
      )}
      <ul class="troubles">
        {shown.map((each) => (
          <li key={each.key}>
            <a href={each.to}>
              <span class="trouble-head">
                <span class="trouble-name">
                  <b>{t.overview.times(each.name, each.times)}</b>
                  {namespace.value === '' && each.space && <span class="dim small">{each.space}</span>}
                </span>
                <Badge tone={each.tone}>{each.word}</Badge>
              </span>
              <small>{each.rollout ? rolloutWhy(each.rollout, why) : each.pod ? why(each.pod) : each.why}</small>
            </a>
          </li>
        ))}
      </ul>
      {troubles.length > kAttentionMax && (
        <p class="dim small">{t.overview.more(troubles.length - kAttentionMax)}</p>
      )}
    </Panel>
  ), [troubles, looked, why]);
}

// Those that change or fail first.
function Rollouts(props: { rollouts: Rolled[]; many: boolean }) {
  const rollouts = useNextFrame(props.rollouts, !props.many);
  const shown = useMemo(
    () => [...rollouts]
      .sort((a, b) => kToneOrder.indexOf(a.rollout.tone) - kToneOrder.indexOf(b.rollout.tone))
      .slice(0, kRolloutsMax),
    [rollouts],
  );
  return useMemo(() => shown.length > 0 && (
    <Panel title={t.nav.workloads} side={<a href={href('workloads')}>{t.overview.all}</a>}>
      <ul class="rollouts">
        {shown.map(({ deployment, rollout }) => (
          <li key={deployment.metadata.uid}>
            <a href={href('deployment', [deployment.metadata.namespace, deployment.metadata.name])}>
              <b>{deployment.metadata.name}</b> <small class="dim">{deployment.metadata.namespace}</small>
            </a>
            <PodDots rollout={rollout} />
            <span class="dim">{rollout.ready}/{rollout.wanted}</span>
            <Badge tone={rollout.tone}>{t.workloads[rollout.word]}</Badge>
          </li>
        ))}
      </ul>
    </Panel>
  ), [shown]);
}

// Nobody reads events that are others in every picture.
function Latest({ of, ...props }: { of: Live<EventObj>; events: EventObj[]; many: boolean }) {
  const events = useNextFrame(props.events, !props.many, kLatestMs);
  // Of many the first are looked at later than they are here.
  const isBehind = props.events.length > 0 && events.length === 0;
  return useMemo(() => (
    <Panel title={t.overview.latest} side={<a href={href('events')}>{t.nav.events}</a>}>
      <EventList of={of} events={isBehind ? props.events : events} named />
    </Panel>
  ), [events, isBehind, of.loaded, of.status.value]);
}

// In frames of its own, behind those of the numbers. While many pods come and go some have no node now and
// then: their place stays for a while, as all others move when it comes or goes.
function NodeMap({ nodes, pods, space }: { nodes: Node[]; pods: Pod[]; space: string }) {
  const kept = useRef<Kept>(new Map());
  const many = pods.length > kManyPods;
  const [isWaiting, setWaiting] = useState(false);
  const shown = useNextFrame(useMemo(() => ({ nodes, pods, space }), [nodes, pods, space]), !many);
  const waits = useMemo(() => many && shown.pods.some((pod) => !pod.spec.nodeName), [many, shown]);
  useEffect(() => {
    if (waits) return setWaiting(true);
    const timer = setTimeout(() => setWaiting(false), kWaitingMs);
    return () => clearTimeout(timer);
  }, [waits]);
  const groups = useMemo(() => groupsOf(shown.nodes, shown.pods, shown.space, kept.current, isWaiting), [shown, isWaiting]);
  return <PodMap groups={groups} />;
}

// Those of which nothing has changed are those of the last time.
function useRollouts(deployments: Deployment[], sets: ReplicaSet[], pods: Pod[]): Rolled[] {
  const kept = useRef(new Map<string, Rolled>());
  const bySet = useMemo(() => byController(sets), [sets]);
  const byOwner = useMemo(() => byController(pods), [pods]);
  return useMemo(() => {
    const before = kept.current;
    kept.current = new Map();
    return deployments.map((deployment) => {
      const old = before.get(deployment.metadata.uid);
      const mine = bySet.get(deployment.metadata.uid) ?? [];
      const isOld = old && old.deployment === deployment && old.rollout.revisions.length === mine.length &&
        old.rollout.revisions.every(({ set, pods: had }) => mine.includes(set) && isSame(had, byOwner.get(set.metadata.uid) ?? []));
      const rolled = isOld ? old : { deployment, rollout: rolloutOf(deployment, bySet, byOwner) };
      kept.current.set(deployment.metadata.uid, rolled);
      return rolled;
    });
  }, [deployments, bySet, byOwner]);
}

// The same where nothing else was said: most events are of something else.
function useUnbound(claims: Claim[], pods: Pod[], events: EventObj[]): Unbound[] {
  const kept = useRef<Unbound[]>([]);
  const whyOf = useClaimWhy(useMemo(() => unboundOf(claims, []).length > 0, [claims]), pods, events);
  return useMemo(() => {
    const now = unboundOf(claims, events, whyOf);
    if (!isSameUnbound(kept.current, now)) kept.current = now;
    return kept.current;
  }, [claims, events, whyOf]);
}

interface Share {
  used: number;
  all: number;
}

// 'unseen': they may not be seen; 'unknown': nothing of them has come yet.
type Seen<T> = T[] | 'unseen' | 'unknown';

interface Numbers {
  nodes: Seen<Node>;
  deployments: Seen<Deployment>;
  pods: number | 'unknown';
  tones: Counts['tones'];
  cpu: Share;
  memory: Share;
}

// Of what may not be seen nothing is said: none of it would be another thing.
function Unseen({ label, why = 'unseen' }: { label: string; why?: 'unseen' | 'unknown' }) {
  return <Stat label={label} value="–" sub={why === 'unseen' ? t.overview.unseen : t.loading} share={0} tone="none" />;
}

function NodeStat({ nodes }: { nodes: Node[] }) {
  const ready = nodes.filter(isReady).length;
  return (
    <Stat label={t.overview.nodes} value={`${nodes.length}`} sub={t.overview.nodesReady(ready, nodes.length)}
          share={nodes.length > 0 ? ready / nodes.length : 0} tone={ready < nodes.length ? 'bad' : 'good'} />
  );
}

function DeploymentStat({ deployments }: { deployments: Deployment[] }) {
  const fine = deployments.filter((each) => (each.status?.availableReplicas ?? 0) >= (each.spec.replicas ?? 1)).length;
  return (
    <Stat label={t.overview.workloads} value={`${deployments.length}`} to={href('workloads')}
          sub={t.overview.workloadsReady(fine, deployments.length)} share={deployments.length > 0 ? fine / deployments.length : 0}
          tone={fine < deployments.length ? 'busy' : 'good'} />
  );
}

function Stats({ nodes, deployments, pods, tones, cpu, memory }: Numbers) {
  const running = tones.get('good') ?? 0;
  const share = (part: number, all: number) => (all > 0 ? part / all : 0);
  if (pods === 'unknown') {
    const labels = [t.overview.nodes, t.overview.pods, t.overview.workloads, t.overview.cpu, t.overview.memory];
    return <div class="stats">{labels.map((each) => <Unseen key={each} label={each} why="unknown" />)}</div>;
  }
  const alive = pods - (tones.get('done') ?? 0);
  const whole = (of: Share, text: (amount: number) => string) =>
    nodes === 'unseen' ? t.overview.ofUnseen : nodes === 'unknown' ? t.loading : t.overview.of(text(of.used), text(of.all));
  const tone = (of: Share): Tone => (typeof nodes !== 'string' && of.used > of.all * 0.9 ? 'warn' : 'busy');
  return (
    <div class="stats">
      {typeof nodes === 'string' ? <Unseen label={t.overview.nodes} why={nodes} /> : <NodeStat nodes={nodes} />}
      <Stat label={t.overview.pods} value={`${pods}`} sub={t.overview.podsRunning(running)} to={href('pods')}
            share={share(running, alive)} tone={tones.has('bad') ? 'bad' : running < alive ? 'busy' : 'good'} />
      {typeof deployments === 'string' ? <Unseen label={t.overview.workloads} why={deployments} /> : <DeploymentStat deployments={deployments} />}
      <Stat label={t.overview.cpu} value={cores(cpu.used)} sub={whole(cpu, cores)} share={share(cpu.used, cpu.all)} tone={tone(cpu)} />
      <Stat label={t.overview.memory} value={bytes(memory.used)} sub={whole(memory, bytes)} share={share(memory.used, memory.all)} tone={tone(memory)} />
    </div>
  );
}

function Nothing() {
  return (
    <div class="empty">
      <h2>{t.overview.empty}</h2>
      <p>{t.overview.emptyHint}</p>
      <a class="button primary" href={href('deploy')}>{t.overview.deployFirst}</a>
    </div>
  );
}

function seen<T extends Node | Deployment>(live: Live<T>): Seen<T> {
  return live.status.value === 'refused' ? 'unseen' : live.loaded ? live.list : 'unknown';
}

export function Overview() {
  const space = namespace.value;
  const nodes = useLive<Node>(kinds.nodes);
  const pods = useLive<Pod>(kinds.pods, space);
  const deployments = useLive<Deployment>(kinds.deployments, space);
  const sets = useLive<ReplicaSet>(kinds.replicasets, space);
  const claims = useLive<Claim>(kinds.persistentvolumeclaims, space);
  const quotas = useLive<ResourceQuota>(kinds.resourcequotas, space);
  const events = useLive<EventObj>(kinds.events, space);
  const nodeList = nodes.list;
  const podList = pods.list;
  const rollouts = useRollouts(deployments.list, sets.list, podList);
  const unbound = useUnbound(claims.list, podList, events.list);
  const unreached = useUnreached(space, pods, sets.list);
  // Of a pod whose claims are not made nobody says anything: time alone tells.
  const isSilent = useMemo(() => podList.some((each) => isUnscheduled(each) && !isJudged(each)), [podList]);
  const at = isSilent ? now.value : 0;
  const troubles = useMemo(
    () => troublesOf(nodeList, podList, rollouts, unbound, quotas.list, unreached, at),
    [nodeList, podList, rollouts, unbound, quotas.list, unreached, at],
  );
  const latest = useMemo(() => events.list.slice(0, kEventsMax), [events.list]);
  const counts = useMemo(() => countsOf(podList), [podList]);
  const many = podList.length > kManyPods;

  const room = (what: string) => nodeList.reduce((sum, each) => sum + quantity(each.status?.allocatable?.[what]), 0);
  const cpu = { used: counts.cpu, all: room('cpu') };
  const memory = { used: counts.memory, all: room('memory') };
  // Of all that there is, or of what one looks at.
  const usage = useUsage(space === '' ? `${kUsage}/nodes` : usageOfPods(space));
  const marks = (of: Share) => [
    { text: t.usage.requested, value: of.used }, { text: t.usage.there, value: space === '' ? of.all : 0 },
  ];

  const looked = lookedAt([nodes, pods, deployments, claims, quotas].map(({ loaded, status }) => ({ loaded, refused: status.value === 'refused' })));
  if (pods.status.value === 'refused') {
    return (
      <>
        <Head title={t.overview.title} />
        <Standing of={pods} />
      </>
    );
  }
  return (
    <>
      <Head title={t.overview.title}>
        <a class="button primary" href={href('deploy')}><Icon name="deploy" />{t.workloads.deploy}</a>
      </Head>
      <Stats nodes={seen(nodes)} deployments={seen(deployments)} pods={pods.loaded ? podList.length : 'unknown'} tones={counts.tones} cpu={cpu} memory={memory} />
      <div class="overview">
        <div>
          <Panel class="map-panel" title={t.overview.map} side={<Legend counts={counts.tones} />}>
            {pods.loaded && (nodeList.length > 0 || podList.length > 0) ? <NodeMap nodes={nodeList} pods={podList} space={space} /> : <Standing of={pods} />}
            {pods.loaded && podList.length === 0 && <Nothing />}
          </Panel>
          <UsagePanel usage={usage} runs={space === '' || !pods.loaded || podList.some(isRunning)} cpu={marks(cpu)} memory={marks(memory)} />
          <Rollouts rollouts={rollouts} many={many} />
        </div>
        <div class="overview-side">
          <Attention troubles={troubles} looked={looked} many={many} />
          <Latest of={events} events={latest} many={many} />
        </div>
      </div>
    </>
  );
}
