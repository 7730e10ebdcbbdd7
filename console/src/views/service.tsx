// One Service: where it is reached, and who answers there.
import { useMemo } from 'preact/hooks';
import type { ComponentChildren } from 'preact';

import { kinds, pathOf } from '../api/kinds';
import { useLive } from '../api/live';
import { remove } from '../api/request';
import type { EndpointSlice, Pod, Service } from '../api/types';
import { matches } from '../model/rollout';
import { type Answering, deafPorts, endpointsOf, isSilent, namesPorts, portText, silenceOf } from '../model/service';
import { go, href, place } from '../router';
import { t } from '../texts';
import { Action, Badge, Head, Notice, Panel, Standing } from '../ui/parts';
import { ServiceReach } from '../ui/reach';
import { tell } from '../ui/toasts';
import { useWhy } from '../ui/why';

function Answer({ each }: { each: Answering }) {
  const tone = each.ready ? 'good' : each.ending ? 'gone' : 'busy';
  const word = each.ready ? t.services.ready : each.ending ? t.services.ending : t.services.notReady;
  return (
    <li class={`answer tone-${tone}`}>
      <Badge tone={tone}>{word}</Badge>
      {each.pod ? <a href={href('pod', [each.namespace, each.pod])}>{each.pod}</a> : <span>{each.address}</span>}
      <span class="mono small dim">{each.address}</span>
      <span class="small dim">{each.node}</span>
    </li>
  );
}

function Silence({ service }: { service: Service }) {
  const pods = useLive<Pod>(kinds.pods, service.metadata.namespace);
  const { list, loaded } = pods;
  const { selector = {} } = service.spec;
  const why = useWhy(useMemo(() => list.filter((each) => matches(each.metadata.labels, selector)), [list, service]));
  const lines = useMemo(() => (loaded ? silenceOf(service, list, why) : []), [service, list, loaded, why]);
  return (
    <Notice tone="warn" title={t.services.nobody}>
      <Standing of={pods} />
      <ul>{lines.map((each) => <li key={each}>{each}</li>)}</ul>
    </Notice>
  );
}

// Others of its ports are answered.
function Deaf({ service }: { service: Service }) {
  const { list, loaded } = useLive<Pod>(kinds.pods, service.metadata.namespace);
  const lines = useMemo(() => (loaded ? deafPorts(service, list) : []), [service, list, loaded]);
  return <>{lines.map((each) => <Notice key={each} tone="warn">{each}</Notice>)}</>;
}

export function ServiceView() {
  const [space = '', name = ''] = place.value.params;
  const services = useLive<Service>(kinds.services, space, { name });
  const slices = useLive<EndpointSlice>(kinds.endpointslices, space, { labels: `kubernetes.io/service-name=${name}` });
  const service = services.list[0];
  const { list, loaded } = slices;
  const endpoints = useMemo(() => (service ? endpointsOf(service, list) : []), [service, list]);
  if (!service) {
    return (
      <>
        <Head title={name} sub={space} />
        {services.loaded ? <Notice tone="warn">{t.gone}</Notice> : <Standing of={services} />}
      </>
    );
  }
  const { spec } = service;
  const selector = Object.entries(spec.selector ?? {});
  const drop = async () => {
    if (await tell(() => remove(pathOf(kinds.services, space, name)), t.done.deleted(name))) go(href('services'));
  };
  const ingress = (service.status?.loadBalancer?.ingress ?? []).map((each) => each.ip ?? each.hostname).join(', ');
  const facts: [string, ComponentChildren][] = [
    [t.columns.type, spec.type],
    [t.columns.address, <span class="mono">{spec.clusterIP === 'None' ? t.services.headless : spec.clusterIP} {ingress}</span>],
    [t.columns.ports, <span class="mono">{(spec.ports ?? []).map(portText).join(', ')}</span>],
    [t.services.dns, <span class="mono break">{`${name}.${space}.svc.cluster.local`}</span>],
    [t.services.selector, <ul class="labels">{selector.map(([key, value]) => <li key={key} class="chip mono">{key}={value}</li>)}</ul>],
  ];
  return (
    <>
      <Head title={name} sub={<><span>{space}</span><span>{spec.type}</span></>}>
        {selector.length > 0 && <a class="button" href={href('logs', ['services', space, name])}>{t.pod.logs}</a>}
        <a class="button" href={href('object', ['services', space, name], { tab: 'yaml' })}>{t.actions.yaml}</a>
        <Action class="danger" text={t.actions.delete} sure={t.actions.sure(name)} run={drop} />
      </Head>
      <div class="columns">
        <Panel title={t.services.who}>
          {spec.type === 'LoadBalancer' && ingress === '' && <Notice tone="warn">{t.services.unbalanced}</Notice>}
          {spec.externalName && <p>{t.services.external(spec.externalName)}</p>}
          {!spec.externalName && <Standing of={slices} />}
          {!spec.externalName && loaded && endpoints.length === 0 && selector.length === 0 && (
            <Notice tone="warn">{t.services.noSelector}</Notice>
          )}
          {isSilent(service, endpoints, loaded) ? <Silence service={service} />
            : loaded && selector.length > 0 && namesPorts(service) && <Deaf service={service} />}
          <ul class="answers">{endpoints.map((each) => <Answer key={each.pod + each.address} each={each} />)}</ul>
        </Panel>
        <div>
          <Panel>
            <dl class="facts">{facts.map(([key, value]) => <div key={key}><dt>{key}</dt><dd>{value}</dd></div>)}</dl>
          </Panel>
          <ServiceReach service={service} />
        </div>
      </div>
    </>
  );
}
