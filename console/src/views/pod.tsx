// One pod: what it is made of, what it says, and a shell in it.
import { useRef, useState } from 'preact/hooks';

import { kinds, pathOf } from '../api/kinds';
import { type Live, useLive } from '../api/live';
import { remove } from '../api/request';
import type { Container, ContainerStatus, EventObj, Pod } from '../api/types';
import { usageOfPods, useUsage } from '../api/usage';
import { age } from '../model/age';
import { askedBy } from '../model/asked';
import { isAbout } from '../model/event';
import { ownerPageOf } from '../model/logged';
import { containerTone, isRunning, ownerOf, podState, statusesOf } from '../model/pod';
import { quantity } from '../model/quantity';
import type { Use } from '../model/usage';
import { lazy } from '../lazy';
import { go, href, place } from '../router';
import { t } from '../texts';
import { Action, Age, Badge, Head, Notice, Panel, Standing, Tabs, Words } from '../ui/parts';
import { tell } from '../ui/toasts';
import { useWhy } from '../ui/why';
import { EventList } from './events';
import { UsagePanel } from '../ui/plot';
import { PodReach } from '../ui/reach';
import { Logs } from './logs';

const Terminal = lazy(() => import('./terminal').then((module) => module.TerminalView));

function stateText(status: ContainerStatus | undefined): string {
  const { running, waiting, terminated } = status?.state ?? {};
  if (running) return `${t.pod.running} ${t.pod.since(age(running.startedAt))}`;
  if (waiting) return waiting.reason ?? t.pod.waiting;
  if (terminated) return `${t.pod.terminated}, ${t.pod.exit(terminated.exitCode, terminated.reason ?? '')}`;
  return t.pod.waiting;
}

function hrefOfNode(name: string): string {
  return href('object', ['nodes', '', name]);
}

function amounts(given: Record<string, string> | undefined): string {
  return Object.entries(given ?? {}).map(([what, amount]) => `${what} ${amount}`).join(', ');
}

function ContainerCard({ container, status, kind }: { container: Container; status?: ContainerStatus; kind: string }) {
  const ended = status?.lastState?.terminated;
  return (
    <div class="card">
      <div class="card-head">
        <b>{container.name}</b>
        {kind && <span class="chip">{kind}</span>}
        <Badge tone={containerTone(status)}>{stateText(status)}</Badge>
      </div>
      <div class="mono small break">{container.image}</div>
      <dl class="facts tight">
        {container.command || container.args ? (
          <div><dt>{t.shell.command}</dt><dd class="mono break">{[...(container.command ?? []), ...(container.args ?? [])].join(' ')}</dd></div>
        ) : null}
        {container.ports?.length ? (
          <div><dt>{t.columns.ports}</dt><dd>{container.ports.map((each) => `${each.containerPort}/${each.protocol ?? 'TCP'}`).join(', ')}</dd></div>
        ) : null}
        {amounts(container.resources?.requests) && (
          <div><dt>{t.pod.requests}</dt><dd>{amounts(container.resources?.requests)}</dd></div>
        )}
        {amounts(container.resources?.limits) && (
          <div><dt>{t.pod.limits}</dt><dd>{amounts(container.resources?.limits)}</dd></div>
        )}
        {!!status?.restartCount && <div><dt>{t.columns.restarts}</dt><dd>{status.restartCount}</dd></div>}
      </dl>
      {ended && <p class="small dim">{t.pod.lastEnd(t.pod.exit(ended.exitCode, ended.reason ?? ''))}</p>}
    </div>
  );
}

function PodUsage({ pod }: { pod: Pod }) {
  const { name, namespace = '' } = pod.metadata;
  const usage = useUsage(usageOfPods(namespace, { fieldSelector: `metadata.name=${name}` }));
  const limits = (what: keyof Use) => pod.spec.containers.reduce((all, each) => all + quantity(each.resources?.limits?.[what]), 0);
  const marks = (what: keyof Use) => [
    { text: t.usage.requested, value: askedBy(pod)[what] }, { text: t.usage.limit, value: limits(what) },
  ];
  return <UsagePanel usage={usage} name={`${namespace}/${name}`} runs={isRunning(pod)} cpu={marks('cpu')} memory={marks('memory')} />;
}

function Details({ pod, events }: { pod: Pod; events: Live<EventObj> }) {
  const statuses = statusesOf(pod);
  const statusOf = (name: string) => statuses.find((each) => each.name === name);
  const { metadata, spec, status } = pod;
  const owner = ownerPageOf(pod);
  const facts: [string, preact.ComponentChildren][] = [
    [t.columns.namespace, metadata.namespace],
    [t.pod.node, spec.nodeName && <a href={hrefOfNode(spec.nodeName)}>{spec.nodeName}</a>],
    [t.pod.ip, status?.podIP && <span class="mono">{status.podIP}</span>],
    [t.pod.owner, owner ? <a href={href(...owner)}>{ownerOf(pod)}</a> : ownerOf(pod)],
    [t.pod.account, spec.serviceAccountName],
    [t.pod.qos, status?.qosClass],
    [t.columns.age, <Age time={metadata.creationTimestamp} />],
  ];
  return (
    <div class="columns">
      <div>
        <Panel title={t.pod.containers} side={<span class="dim small">{t.pod.containersReady(podState(pod).ready, podState(pod).total)}</span>}>
          <div class="cards">
            {(spec.initContainers ?? []).map((each) => (
              <ContainerCard key={each.name} container={each} status={statusOf(each.name)}
                             kind={each.restartPolicy === 'Always' ? t.pod.sidecar : t.pod.init} />
            ))}
            {spec.containers.map((each) => (
              <ContainerCard key={each.name} container={each} status={statusOf(each.name)} kind="" />
            ))}
            {(spec.ephemeralContainers ?? []).map((each) => (
              <ContainerCard key={each.name} container={each} status={statusOf(each.name)} kind={t.pod.ephemeral} />
            ))}
          </div>
        </Panel>
        <PodUsage pod={pod} />
        <Panel title={t.pod.events}><EventList of={events} events={events.list.filter((each) => isAbout(kinds.pods, pod, each))} /></Panel>
      </div>
      <div>
        <Panel>
          <dl class="facts">
            {facts.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
          </dl>
        </Panel>
        <PodReach pod={pod} />
        {(status?.conditions ?? []).length > 0 && (
          <Panel title={t.pod.conditions}>
            <ul class="conditions">
              {status!.conditions!.map((each) => (
                <li key={each.type}>
                  <Badge tone={each.status === 'True' ? 'good' : 'warn'}>{each.type}</Badge>
                  <Age time={each.lastTransitionTime} />
                </li>
              ))}
            </ul>
          </Panel>
        )}
        <Words title={t.pod.labels} words={metadata.labels} />
      </div>
    </div>
  );
}

export function PodView() {
  const [space = '', name = ''] = place.value.params;
  const tab = place.value.query.get('tab') ?? 'details';
  const [asked, setAsked] = useState(false); // For a shell.
  const pods = useLive<Pod>(kinds.pods, space, { name });
  const events = useLive<EventObj>(kinds.events, space, { fields: `involvedObject.kind=Pod,involvedObject.name=${name}` });
  const whyOf = useWhy(pods.list);
  const found = pods.list[0];
  // What it has said stays to be read, and what its shell has shown, where it goes meanwhile.
  const last = useRef<Pod | undefined>(undefined);
  if (found) last.current = found;
  const pod = last.current;
  if (!pod) {
    return (
      <>
        <Head title={name} sub={space} />
        {pods.loaded ? <Notice tone="warn">{t.gone}</Notice> : <Standing of={pods} />}
      </>
    );
  }
  const state = podState(pod);
  const why = !found || state.tone === 'good' ? '' : whyOf(pod);
  const pick = (id: string) => {
    setAsked(id === 'shell');
    go(href('pod', [space, name], id === 'details' ? {} : { tab: id }));
  };
  return (
    <div class={tab === 'details' ? '' : 'full'}>
      <Head title={name} sub={<>{found && <Badge tone={state.tone}>{state.word}</Badge>}<span>{space}</span>{pod.spec.nodeName && <a href={hrefOfNode(pod.spec.nodeName)}>{pod.spec.nodeName}</a>}</>}>
        {found && <a class="button" href={href('object', ['pods', space, name], { tab: 'yaml' })}>{t.actions.yaml}</a>}
        {found && (
          <Action class="danger" text={t.actions.delete} sure={t.actions.sure(name)}
                  run={() => tell(() => remove(pathOf(kinds.pods, space, name)), t.done.deleted(name))} />
        )}
      </Head>
      {!found && <Notice tone="warn">{t.gone}</Notice>}
      {why && <Notice tone={state.tone} title={t.pod.why}> {why}</Notice>}
      {found && (
        <Tabs label={name} current={tab} onPick={pick} tabs={[
          { id: 'details', text: t.pod.details }, { id: 'logs', text: t.pod.logs }, { id: 'shell', text: t.pod.shell },
        ]} />
      )}
      {found && tab === 'details' && <Details pod={found} events={events} />}
      {tab === 'logs' && <Logs pod={pod} gone={!found} />}
      {tab === 'shell' && <Terminal asked={asked} />}
    </div>
  );
}
