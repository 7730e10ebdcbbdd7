// From an image to something that can be reached and grows: three steps, a click each.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds, pathOf } from '../api/kinds';
import { onForget, useLive } from '../api/live';
import { type ApiError, create, patch, request } from '../api/request';
import type { Deployment, EventObj, Pod, ReplicaSet, Service } from '../api/types';
import { podState } from '../model/pod';
import { byController, rolloutOf, rolloutWhy } from '../model/rollout';
import { leadsTo, portText } from '../model/service';
import { href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Button, Head, Icon, Notice, Panel } from '../ui/parts';
import { SpaceOptions } from '../ui/spaces';
import { keepTyped } from '../ui/unsaved';
import { useWhy } from '../ui/why';
import { EventList } from './events';

const kNamePattern = /^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$/;
const kServiceTypes = ['ClusterIP', 'NodePort', 'LoadBalancer'] as const;
type ServiceType = (typeof kServiceTypes)[number];

interface Made {
  name: string;
  space: string;
}

// "registry.example/team/web:1.2" -> "web".
function nameOf(image: string): string {
  const last = image.split('@')[0]!.split('/').at(-1)!.split(':')[0]!;
  return last.toLowerCase().replace(/[^a-z0-9-]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 50);
}

function deploymentOf(name: string, image: string, port: number): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name, image, ports: [{ containerPort: port }] }] },
      },
    },
  };
}

function serviceOf(name: string, port: number, type: ServiceType): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels: { app: name } },
    spec: { type, selector: { app: name }, ports: [{ port, targetPort: port }] },
  };
}

function takeFocus(element: HTMLElement | null): void {
  element?.focus();
}

// A step: to come, now, under way, or done; then with what came of it.
function Step(props: { number: number; title: string; now: boolean; done: string; children: preact.ComponentChildren }) {
  const state = props.done !== '' ? 'done' : props.now ? 'now' : 'later';
  const item = useRef<HTMLLIElement>(null);
  // What had the focus went with the step before.
  useEffect(() => {
    if (state === 'now' && props.number > 1) item.current?.querySelector<HTMLElement>('select,input')?.focus();
  }, [state]);
  return (
    <li ref={item} class={`step step-${state}`} aria-current={state === 'now' ? 'step' : undefined}>
      <span class="step-mark" aria-hidden="true">{state === 'done' ? <Icon name="check" /> : props.number}</span>
      <div class="step-body">
        <h2>{props.title}</h2>
        {state === 'done' && <p class="step-done">{props.done}</p>}
        {state === 'now' && props.children}
      </div>
    </li>
  );
}

// `asked`: so many replicas, once all three steps were taken; what came of them shows here.
function Happening({ name, space, asked }: Made & { asked: number | null }) {
  const labels = `app=${name}`;
  const deployment = useLive<Deployment>(kinds.deployments, space, { name }).list[0];
  const sets = useLive<ReplicaSet>(kinds.replicasets, space, { labels }).list;
  const pods = useLive<Pod>(kinds.pods, space, { labels }).list;
  const service = useLive<Service>(kinds.services, space, { name }).list[0];
  const liveEvents = useLive<EventObj>(kinds.events, space);
  const events = liveEvents.list;
  const latest = useMemo(
    () => events.filter((each) => each.involvedObject.name?.startsWith(name)).slice(0, 8),
    [events, name],
  );
  const rollout = deployment && rolloutOf(deployment, byController(sets), byController(pods));
  const whyOf = useWhy(pods);
  const why = rollout && rolloutWhy(rollout, whyOf);
  return (
    <Panel title={t.deploy.live} side={rollout && <span class="big-count">{t.deploy.scaled(rollout.ready, rollout.wanted)}</span>}>
      <div class="flow">
        <div class={service ? 'flow-box on' : 'flow-box'}>
          <small>Service</small>
          <b>{service ? service.metadata.name : '·'}</b>
          <span class="mono small">{service ? `${service.spec.clusterIP} ${(service.spec.ports ?? []).map(portText).join(' ')}` : ' '}</span>
        </div>
        <span class={service ? 'flow-line on' : 'flow-line'} aria-hidden="true" />
        <div class="flow-pods">
          {pods.map((pod) => (
            <a key={pod.metadata.uid} class={`flow-pod tone-${podState(pod).tone}`} href={href('pod', [space, pod.metadata.name])}>
              <i class="dot" aria-hidden="true" />
              <span>{pod.metadata.name.slice(name.length + 1)}</span>
              <small>{podState(pod).word}</small>
            </a>
          ))}
        </div>
      </div>
      {rollout && why && <Notice tone={rollout.tone} title={t.pod.why}> {why}</Notice>}
      {asked !== null && service && leadsTo(service, name) && rollout?.word === 'complete' && rollout.wanted === asked && <p class="deploy-done" role="status">{t.deploy.done}</p>}
      <EventList of={liveEvents} events={latest} />
    </Panel>
  );
}

// The work of one step: busy while it runs, and the server's words where it refuses.
function useWork() {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setWrong('');
    try {
      await work();
    } catch (error) {
      setWrong((error as ApiError).message || t.unanswered);
    }
    setBusy(false);
  };
  return { busy, wrong, setWrong, run };
}

interface Draft {
  image: string;
  name: string | null; // null: after the image.
  port: number;
  space: string | null; // null: the one that is looked at.
}

// What somebody typed and left is there when he comes back.
const kNothing: Draft = { image: '', name: null, port: 80, space: null };
let draft = kNothing;
onForget(() => (draft = kNothing));
keepTyped('deploy', () => (draft.image.trim() !== '' ? draft : undefined), (kept) => (draft = kept));

// What somebody has typed of it.
function useTyped() {
  const [typed, setTyped] = useState(draft);
  const change = (part: Partial<Draft>) => setTyped((draft = { ...draft, ...part }));
  const { image, name: typedName, port } = typed;
  const typedSpace = typed.space ?? (namespace.value || 'default');
  const name = typedName ?? nameOf(image);
  const wrong = image.trim() === '' ? t.deploy.badImage
    : !kNamePattern.test(name) ? `${t.deploy.name}: ${t.deploy.badName}`
    : !(port >= 1 && port <= 65535) ? t.deploy.badPort : '';
  // It is in the cluster now: the next one begins anew.
  const done = () => (draft = { ...draft, image: '', name: null });
  return {
    image, name, port, typedSpace, space: typedSpace.trim() || 'default', wrong, done,
    again: () => change({ image: '', name: null }),
    setImage: (to: string) => change({ image: to }),
    setName: (to: string) => change({ name: to }),
    setPort: (to: number) => change({ port: to }),
    setSpace: (to: string) => change({ space: to }),
  };
}

function WhatToDeploy({ typed, busy, onSubmit }: { typed: ReturnType<typeof useTyped>; busy: boolean; onSubmit: () => void }) {
  const submit = (event: Event) => {
    event.preventDefault();
    if (!busy) onSubmit();
  };
  return (
    <form class="stack" onSubmit={submit}>
      <label class="field">
        <span>{t.deploy.image}</span>
        <input class="input mono" value={typed.image} placeholder={t.deploy.imageHint} autoFocus spellcheck={false}
               onInput={(event) => typed.setImage(event.currentTarget.value)} />
      </label>
      <div class="fields">
        <label class="field">
          <span>{t.deploy.name}</span>
          <input class="input" value={typed.name} onInput={(event) => typed.setName(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t.deploy.into}</span>
          <input class="input" list="deploy-spaces" value={typed.typedSpace} onInput={(event) => typed.setSpace(event.currentTarget.value)} />
          <SpaceOptions id="deploy-spaces" />
        </label>
        <label class="field narrow-field">
          <span>{t.deploy.port}</span>
          <input class="input" type="number" min={1} max={65535} value={typed.port} title={t.deploy.portHint}
                 onInput={(event) => typed.setPort(event.currentTarget.valueAsNumber)} />
        </label>
      </div>
      <Button type="submit" class="button primary" off={busy}>{t.deploy.do1}</Button>
    </form>
  );
}

// `onSkip`: null where nobody has a reason to.
function HowToExpose({ busy, onExpose, onSkip }: { busy: boolean; onExpose: (type: ServiceType) => void; onSkip: (() => void) | null }) {
  const [type, setType] = useState<ServiceType>('ClusterIP');
  return (
    <div class="row">
      <label class="field">
        <span>{t.deploy.type}</span>
        <select class="input" value={type} onChange={(event) => setType(event.currentTarget.value as ServiceType)}>
          {kServiceTypes.map((each) => <option key={each} value={each}>{each}: {t.deploy.types[each]}</option>)}
        </select>
      </label>
      <Button class="button primary" off={busy} onClick={() => onExpose(type)}>{t.deploy.do2}</Button>
      {onSkip && <Button class="button" off={busy} onClick={onSkip}>{t.deploy.skip}</Button>}
    </div>
  );
}

function HowMany({ busy, onScale }: { busy: boolean; onScale: (replicas: number) => void }) {
  const [replicas, setReplicas] = useState(3);
  return (
    <div class="row">
      <label class="field narrow-field">
        <span>{t.deploy.replicas}</span>
        <input class="input" type="number" min={0} max={1000} value={replicas}
               onInput={(event) => setReplicas(event.currentTarget.valueAsNumber || 0)} />
      </label>
      <Button class="button primary" off={busy} onClick={() => onScale(replicas)}>{t.deploy.do3(replicas)}</Button>
    </div>
  );
}

// Of an earlier Deployment of that name, perhaps, and as good as a new one.
async function exposedBy(name: string, space: string, port: number, type: ServiceType): Promise<Service> {
  return create<Service>(pathOf(kinds.services, space), serviceOf(name, port, type)).catch(async (error: ApiError) => {
    const there = error.code === 409 && (await request<Service>(pathOf(kinds.services, space, name)));
    if (there && leadsTo(there, name, port)) return there;
    throw error;
  });
}

export function Deploy() {
  const typed = useTyped();
  const { image, port } = typed;
  const [made, setMade] = useState<Made | null>(null);
  // Whatever is looked at meanwhile, the steps are about what the first one made.
  const { name, space } = made ?? typed;
  const [exposed, setExposed] = useState('');
  const [scaled, setScaled] = useState<number | null>(null);
  const { busy, wrong, setWrong, run } = useWork();

  const deploy = () => {
    if (typed.wrong !== '') return setWrong(typed.wrong);
    void run(async () => {
      await create(pathOf(kinds.deployments, space), deploymentOf(name, image.trim(), port));
      setMade({ name, space });
      typed.done();
    });
  };
  const expose = (type: ServiceType) => void run(async () => {
    const service = await exposedBy(name, space, port, type);
    const node = service.spec.ports?.[0]?.nodePort;
    setExposed(t.deploy.exposed(name, node ? `${service.spec.clusterIP}:${port} · *:${node}` : `${service.spec.clusterIP}:${port}`));
  });
  const skip = () => {
    setWrong('');
    setExposed(t.deploy.unexposed);
  };
  const scale = (replicas: number) => void run(async () => {
    await patch(`${pathOf(kinds.deployments, space, name)}/scale`, { spec: { replicas } });
    setScaled(replicas);
  });
  const again = () => {
    typed.again();
    setMade(null);
    setExposed('');
    setScaled(null);
  };
  return (
    <>
      <Head title={t.deploy.title} sub={t.deploy.intro}>
        <a class="button" href={href('create')}>{t.create.title}</a>
      </Head>
      <div class="deploy">
        <ol class="steps">
          <Step number={1} title={t.deploy.step1} now={!made} done={made ? t.deploy.deployed(`${made.space}/${made.name}`) : ''}>
            <WhatToDeploy typed={typed} busy={busy} onSubmit={deploy} />
          </Step>
          <Step number={2} title={t.deploy.step2} now={!!made && !exposed} done={exposed}>
            <HowToExpose busy={busy} onExpose={expose} onSkip={wrong === '' ? null : skip} />
          </Step>
          <Step number={3} title={t.deploy.step3} now={!!exposed && scaled === null} done={scaled === null ? '' : t.deploy.asked(scaled)}>
            <HowMany busy={busy} onScale={scale} />
          </Step>
          {wrong && <li><Notice tone="bad">{wrong}</Notice></li>}
          {scaled !== null && (
            <li class="row">
              <a class="button primary" ref={takeFocus} href={href('deployment', [space, name])}>{t.deploy.open}</a>
              <button class="button" onClick={again}>{t.deploy.another}</button>
            </li>
          )}
        </ol>
        {made && <Happening key={`${made.space}/${made.name}`} {...made} asked={scaled} />}
      </div>
    </>
  );
}
