// Of an object of any kind what `kubectl describe` says of it: what the server's table has, its conditions,
// whose it is, its pods, what it holds, and what happened to it; and what is often done to its kind.
import { useMemo } from 'preact/hooks';

import { apiVersionOf, type Kind, kindOf, kinds, pathOf } from '../api/kinds';
import { useLive } from '../api/live';
import { ApiError, patch, request } from '../api/request';
import type {
  Claim, Condition, CronJob, EventObj, Ingress, Job, Node, Obj, Pod, Selector, Workload,
} from '../api/types';
import { isUnbound } from '../model/claim';
import { drainOf, drainQuestion, leftBy } from '../model/drain';
import { isAbout } from '../model/event';
import { factsOf, toneOf } from '../model/facts';
import { jobState, runsOf } from '../model/job';
import { isLogged, pageOf, selectorOf } from '../model/logged';
import { controllerOf } from '../model/pod';
import { backendsOf } from '../model/reach';
import { refusalOf } from '../model/refusal';
import { rolloutWhy, stuckOf } from '../model/rollout';
import { href } from '../router';
import { t } from '../texts';
import { Data } from '../ui/data';
import { Action, Age, Badge, Notice, Panel, Standing, Words } from '../ui/parts';
import { NodeUsage, PodsUsage } from '../ui/podsusage';
import { runNow } from '../ui/runnow';
import { restart, Scale } from '../ui/scale';
import { say, tell } from '../ui/toasts';
import { useClaimWhy, useIngressWhy, useWhy } from '../ui/why';
import { EventList } from './events';
import { kFixedMax, PodTable } from './pods';
import { useTurn, WorkloadHistory, WorkloadRollout } from './turns';

const kNobody = 'skiff.dev=nobody'; // No pod has it: "" would be all of them.

type Known = Obj & {
  spec?: { replicas?: number; selector?: Selector | Record<string, string>; unschedulable?: boolean; suspend?: boolean };
  status?: { conditions?: unknown };
};

// Custom kinds may call anything by that name.
function conditionsOf({ status }: Known): Condition[] {
  const found = status?.conditions;
  if (!Array.isArray(found)) return [];
  return found.filter((each: Condition | null) => typeof each?.type === 'string' && typeof each.status === 'string');
}

function Facts({ kind, object }: { kind: Kind; object: Known }) {
  const { metadata } = object;
  const table = useLive<Obj>(kind, metadata.namespace, { name: metadata.name, table: true });
  const facts = factsOf(table.titles.value, table.list[0]);
  const finalizers = (metadata as { finalizers?: string[] }).finalizers ?? [];
  return (
    <Panel title={t.pod.details}>
      <dl class="facts">
        {facts.map((each) => (
          <div key={each.title}><dt title={each.about || undefined}>{each.title}</dt><dd>{each.text}</dd></div>
        ))}
        <div><dt>{t.details.apiVersion}</dt><dd class="mono">{apiVersionOf(kind)}</dd></div>
        <div><dt>{t.columns.age}</dt><dd><Age time={metadata.creationTimestamp} /></dd></div>
        {metadata.ownerReferences?.map((each) => {
          const owner = kindOf(each.kind, each.apiVersion);
          const page = owner && pageOf(owner, owner.namespaced ? metadata.namespace ?? '' : '', each.name);
          return (
            <div key={each.uid}>
              <dt>{t.pod.owner}</dt>
              <dd>{each.kind} {page ? <a href={href(page[0], page[1])}>{each.name}</a> : each.name}</dd>
            </div>
          );
        })}
        {finalizers.length > 0 && <div><dt>{t.details.finalizers}</dt><dd class="mono small">{finalizers.join(', ')}</dd></div>}
      </dl>
    </Panel>
  );
}

function Conditions({ all }: { all: Condition[] }) {
  if (all.length === 0) return null;
  return (
    <Panel title={t.pod.conditions}>
      <ul class="conditions told">
        {all.map((each) => (
          <li key={each.type}>
            <Badge tone={toneOf(each)}>{each.type}{each.status === 'True' ? '' : `: ${each.status}`}</Badge>
            <Age time={each.lastTransitionTime} />
            {(each.reason || each.message) && <small><b>{each.reason}</b> {each.message}</small>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function podsOn(node: string) {
  return { fields: `spec.nodeName=${node}` };
}

const kUsers: Kind[] = [kinds.nodes, kinds.statefulsets, kinds.daemonsets, kinds.replicasets, kinds.jobs];

// What they use is shown where they are one thing, and not what a Service happens to select.
function Used({ kind, object, labels, pods }: { kind: Kind; object: Known; labels: string; pods: Pod[] }) {
  if (kind === kinds.nodes) return <NodeUsage node={object as Node} pods={pods} />;
  return <PodsUsage space={object.metadata.namespace ?? ''} labels={labels} pods={pods} />;
}

// On a Node, or those that it selects.
function Pods({ kind, object }: { kind: Kind; object: Known }) {
  const { name, namespace } = object.metadata;
  const isNode = kind === kinds.nodes;
  const labels = isNode ? '' : selectorOf(kind, object.spec?.selector) || kNobody;
  const live = useLive<Pod>(kinds.pods, isNode ? '' : namespace, isNode ? podsOn(name) : { labels });
  return (
    <>
      {kUsers.some((each) => each === kind) && live.loaded && <Used kind={kind} object={object} labels={labels} pods={live.list} />}
      <Panel title={t.nav.pods} side={<span class="dim small">{live.loaded && live.list.length <= kFixedMax ? live.list.length : ''}</span>}>
        {live.loaded ? <PodTable label={t.nav.pods} pods={live.list} brief={isNode ? 'node' : 'space'} /> : <Standing of={live} />}
      </Panel>
    </>
  );
}

// Why it has no volume; what is only said of it stands below as its events.
function ClaimTrouble({ claim, events }: { claim: Claim; events: EventObj[] }) {
  const pods = useLive<Pod>(kinds.pods, claim.metadata.namespace);
  const why = useClaimWhy(true, pods.list, events)(claim);
  return why !== '' && (pods.loaded || pods.status.value === 'refused') && <Notice tone="warn" title={t.pod.why}> {why}</Notice>;
}

function IngressTrouble({ ingress, events }: { ingress: Ingress; events: EventObj[] }) {
  const lines = useIngressWhy(ingress, events);
  return lines.length > 0 && (
    <Notice tone="warn" title={t.pod.why}>
      <ul>{lines.map((each) => <li key={each}>{each}</li>)}</ul>
    </Notice>
  );
}

// Which host and path leads to which Service.
function Routes({ ingress }: { ingress: Ingress }) {
  const space = ingress.metadata.namespace;
  const routes = backendsOf(ingress);
  return routes.length > 0 && (
    <Panel title={t.ingress.routes}>
      <ul class="routes">
        {routes.map(({ text, url, service, port }, at) => (
          <li key={`${at} ${text}`}>
            {url === '' ? <span class="mono break">{text === '*' ? t.ingress.rest : text}</span>
              : <a class="mono break" href={url} target="_blank" rel="noopener noreferrer">{text} ↗</a>}
            <span class="dim" aria-hidden="true">→</span>
            <span><a href={href('service', [space, service])}>{service}</a>{port && <span class="dim">:{port}</span>}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const kMakers: Kind[] = [kinds.replicasets, kinds.statefulsets, kinds.daemonsets, kinds.jobs];

// Why what makes pods has none, or which of them needs somebody.
function MakerTrouble({ kind, object, events }: { kind: Kind; object: Known; events: EventObj[] }) {
  const { namespace, uid } = object.metadata;
  const pods = useLive<Pod>(kinds.pods, namespace, { labels: selectorOf(kind, object.spec?.selector) || kNobody }).list;
  const own = useMemo(() => pods.filter((each) => controllerOf(each)?.uid === uid), [pods, uid]);
  const refused = refusalOf(conditionsOf(object), events, kind === kinds.replicasets);
  const why = useWhy(own);
  const text = refused || rolloutWhy({ why: '', stuck: stuckOf(own) }, why);
  return text !== '' && <Notice tone="warn" title={t.pod.why}> {text}</Notice>;
}

const kRunsMax = 20;

// What a CronJob has made, as far as it is there still.
function Runs({ cron }: { cron: CronJob }) {
  const jobs = useLive<Job>(kinds.jobs, cron.metadata.namespace);
  const list = jobs.list;
  const runs = useMemo(() => runsOf(cron, list), [cron, list]);
  return (
    <Panel title={t.jobs.jobs} side={<span class="dim small">{jobs.loaded ? runs.length : ''}</span>}>
      <Standing of={jobs} />
      {jobs.loaded && runs.length === 0 && <p class="dim small">{t.jobs.noRuns}</p>}
      <ul class="routes">
        {runs.slice(0, kRunsMax).map((each) => (
          <li key={each.metadata.uid}>
            <a href={href('object', ['jobs', each.metadata.namespace, each.metadata.name])}>{each.metadata.name}</a>
            <Badge tone={jobState(each).tone}>{jobState(each).word}</Badge>
            <span class="dim small"><Age time={each.metadata.creationTimestamp} /></span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Changes({ kind, workload }: { kind: Kind; workload: Workload }) {
  const turn = useTurn(kind, workload);
  return <><WorkloadRollout turn={turn} /><WorkloadHistory kind={kind} workload={workload} turn={turn} /></>;
}

export function Details({ kind, object }: { kind: Kind; object: Known }) {
  const { name, namespace = '', labels, annotations, deletionTimestamp } = object.metadata;
  // What is of no namespace has its events in some.
  const events = useLive<EventObj>(kinds.events, namespace, { fields: `involvedObject.kind=${kind.kind},involvedObject.name=${name}` });
  const own = events.list.filter((each) => isAbout(kind, object, each));
  const holdsData = kind === kinds.configmaps || kind === kinds.secrets;
  return (
    <div class="columns">
      <div>
        {deletionTimestamp && <Notice tone="warn">{t.details.ending} <Age time={deletionTimestamp} /></Notice>}
        {kind === kinds.persistentvolumeclaims && isUnbound(object as unknown as Claim) && <ClaimTrouble claim={object as unknown as Claim} events={events.list} />}
        {kind === kinds.ingresses && <IngressTrouble ingress={object as unknown as Ingress} events={own} />}
        {kind === kinds.ingresses && <Routes ingress={object as unknown as Ingress} />}
        {kMakers.some((each) => each === kind) && <MakerTrouble kind={kind} object={object} events={own} />}
        {kind === kinds.cronjobs && <Runs cron={object as unknown as CronJob} />}
        {(kind === kinds.statefulsets || kind === kinds.daemonsets) && <Changes kind={kind} workload={object as Workload} />}
        {holdsData && <Data object={object} encoded={kind === kinds.secrets} />}
        {(kind === kinds.nodes || isLogged(kind)) && <Pods kind={kind} object={object} />}
        <Panel title={t.pod.events}><EventList of={events} events={own} /></Panel>
      </div>
      <div>
        <Facts kind={kind} object={object} />
        <Conditions all={conditionsOf(object)} />
        <Words title={t.pod.labels} words={labels} />
        <Words title={t.details.annotations} words={annotations} />
      </div>
    </div>
  );
}

// As kubectl drain: no new pods, and those that are there are asked to go, as far as budgets allow. What it would
// have to be forced to, stays.
async function drain(name: string, path: string): Promise<void> {
  if (!(await tell(() => patch(path, { spec: { unschedulable: true } }), t.done.cordoned(name)))) return;
  try {
    const query = new URLSearchParams({ fieldSelector: podsOn(name).fields });
    const { items } = await request<{ items: Pod[] }>(`${pathOf(kinds.pods)}?${query}`);
    // Anew: what came since it was asked for is sorted as well.
    const plan = drainOf(items);
    const refused: string[] = [];
    for (const { metadata } of plan.leaving) {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name, namespace: metadata.namespace } };
      try {
        await request(`${pathOf(kinds.pods, metadata.namespace, metadata.name)}/eviction`, { method: 'POST', body: eviction });
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 404)) refused.push(`${metadata.name}: ${(error as Error).message}`);
      }
    }
    const others = [...refused, ...leftBy(plan)];
    say(others.length > 0 ? 'bad' : 'good', t.done.drained(name, plan.leaving.length - refused.length, others));
  } catch (error) {
    say('bad', (error as Error).message || t.unanswered);
  }
}

function NodeActions({ object, path }: { object: Known; path: string }) {
  const { name } = object.metadata;
  const unschedulable = object.spec?.unschedulable;
  const pods = useLive<Pod>(kinds.pods, '', podsOn(name));
  const turn = () => tell(() => patch(path, { spec: { unschedulable: unschedulable ? null : true } }),
    unschedulable ? t.done.uncordoned(name) : t.done.cordoned(name));
  return (
    <>
      <Action text={unschedulable ? t.actions.uncordon : t.actions.cordon} run={turn} />
      <Action text={t.actions.drain} sure={drainQuestion(name, pods.loaded ? drainOf(pods.list) : null)} yes={t.actions.yesDrain}
              run={() => drain(name, path)} />
    </>
  );
}

export function KindActions({ kind, object, path }: { kind: Kind; object: Known; path: string }) {
  const { name } = object.metadata;
  const { replicas = 1, suspend } = object.spec ?? {};
  if (kind === kinds.nodes) return <NodeActions object={object} path={path} />;
  if (kind === kinds.jobs || kind === kinds.cronjobs) {
    const turn = () => tell(() => patch(path, { spec: { suspend: !suspend } }), suspend ? t.done.goesOn(name) : t.done.suspended(name));
    return (
      <>
        {kind === kinds.cronjobs && <Action text={t.jobs.run} run={() => runNow(object as unknown as CronJob)} />}
        <Action text={suspend ? t.deployment.resume : t.actions.suspend} run={turn} />
      </>
    );
  }
  const scales = kind === kinds.statefulsets || kind === kinds.replicasets || kind === kinds.deployments;
  const restarts = kind === kinds.statefulsets || kind === kinds.daemonsets || kind === kinds.deployments;
  return (
    <>
      {scales && <Scale name={name} wanted={replicas} path={path} />}
      {restarts && <Action text={t.deployment.restart} run={() => restart(path, name)} />}
    </>
  );
}
