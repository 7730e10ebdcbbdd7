// One Deployment: its rollout as it happens, what it was before, and how many it is to be.
import { useEffect, useMemo, useState } from 'preact/hooks';

import { kinds, pathOf } from '../api/kinds';
import { useLive } from '../api/live';
import { patch, remove } from '../api/request';
import type { Deployment, EventObj, Pod, ReplicaSet } from '../api/types';
import { isAbout } from '../model/event';
import { byController, imagesChanged, type Revision, rolloutOf, rolloutWhy, selectorText, undoOf } from '../model/rollout';
import { go, href, place } from '../router';
import { t } from '../texts';
import { Action, Age, Badge, Button, Dialog, Head, Notice, Panel, Standing } from '../ui/parts';
import { HistoryPanel, RolloutPanel } from '../ui/lanes';
import { PodsUsage } from '../ui/podsusage';
import { restart, Scale } from '../ui/scale';
import { say, tell } from '../ui/toasts';
import { useWhy } from '../ui/why';
import { EventList } from './events';
import { PodTable } from './pods';

function strategyText(deployment: Deployment): string {
  const { type, rollingUpdate } = deployment.spec.strategy ?? {};
  if (type === 'Recreate') return t.deployment.recreate;
  return t.deployment.strategy(`${rollingUpdate?.maxSurge ?? '25%'}`, `${rollingUpdate?.maxUnavailable ?? '25%'}`);
}

// By container: what others change meanwhile stays as they want it.
type Typed = ReadonlyMap<string, string>;

// `gone`: it is as it was when it was deleted; what is typed stays for who has still to copy it.
function ImageDialog(props: { deployment: Deployment; gone: boolean; typed: Typed; onType: (typed: Typed) => void; onClose: () => void }) {
  const { deployment, gone, typed, onType, onClose } = props;
  const path = pathOf(kinds.deployments, deployment.metadata.namespace, deployment.metadata.name);
  const { containers } = deployment.spec.template.spec;
  const changed = imagesChanged(containers, typed);
  const leave = () => {
    onType(new Map());
    onClose();
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (gone) return;
    if (changed.length === 0) return leave();
    const body = { spec: { template: { spec: { containers: changed } } } };
    const names = changed.map((each) => each.image).join(', ');
    const done = await tell(() => patch(path, body, 'strategic-merge-patch'), t.done.image(deployment.metadata.name, names));
    if (done) leave();
  };
  return (
    <Dialog label={t.deployment.image} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <h2>{t.deployment.image}</h2>
        {gone && <Notice tone="warn">{t.deployment.imageGone(deployment.metadata.name)}</Notice>}
        {containers.map((each, at) => (
          <label class="field" key={each.name}>
            <span>{t.deployment.imageOf(each.name)}</span>
            <input class="input mono" value={typed.get(each.name) ?? each.image} autoFocus={at === 0}
                   onInput={(event) => onType(new Map(typed).set(each.name, event.currentTarget.value))} />
          </label>
        ))}
        <div class="row end">
          <button type="button" class="button" onClick={leave}>{t.cancel}</button>
          <Button type="submit" class="button primary" off={gone}>{t.deployment.setImage}</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Actions({ deployment, path, onImage }: { deployment: Deployment; path: string; onImage: () => void }) {
  const { name, namespace } = deployment.metadata;
  const paused = !!deployment.spec.paused;
  const pause = () =>
    tell(() => patch(path, { spec: { paused: paused ? null : true } }), paused ? t.done.resumed(name) : t.done.paused(name));
  const drop = async () => {
    if (await tell(() => remove(path), t.done.deleted(name))) go(href('workloads'));
  };
  return (
    <>
      <Scale name={name} wanted={deployment.spec.replicas ?? 1} path={path} />
      <button class="button" onClick={onImage}>{t.deployment.image}</button>
      <Action text={t.deployment.restart} run={() => restart(path, name)} />
      <Action text={paused ? t.deployment.resume : t.deployment.pause} run={pause} />
      <a class="button" href={href('logs', ['deployments', namespace, name])}>{t.pod.logs}</a>
      <a class="button" href={href('object', ['deployments', namespace, name], { tab: 'yaml' })}>{t.actions.yaml}</a>
      <Action class="danger" text={t.actions.delete} sure={t.deployment.sure(name)} run={drop} />
    </>
  );
}

export function DeploymentView() {
  const [space = '', name = ''] = place.value.params;
  const deployments = useLive<Deployment>(kinds.deployments, space, { name });
  const deployment = deployments.list[0];
  const labels = selectorText(deployment?.spec.selector);
  // Of which images are typed, in an open dialog; null: there is none.
  const [imaged, setImaged] = useState<Deployment | null>(null);
  const [typed, setTyped] = useState<Typed>(new Map()); // Also where the dialog is closed by mistake.
  useEffect(() => {
    setImaged(null);
    setTyped(new Map());
  }, [space, name]);
  // With what it came to have meanwhile, if it goes.
  useEffect(() => {
    if (deployment) setImaged((before) => before && deployment);
  }, [deployment]);
  const shown = deployment ?? imaged;
  const dialog = imaged && shown && (
    <ImageDialog deployment={shown} gone={deployments.loaded && !deployment} typed={typed} onType={setTyped} onClose={() => setImaged(null)} />
  );
  if (!deployment || labels === '') {
    return (
      <>
        <Head title={name} sub={space} />
        {deployments.loaded ? <Notice tone="warn">{t.gone}</Notice> : <Standing of={deployments} />}
        {dialog}
      </>
    );
  }
  return <>{dialog}<Known deployment={deployment} labels={labels} onImage={() => setImaged(deployment)} /></>;
}

function Known({ deployment, labels, onImage }: { deployment: Deployment; labels: string; onImage: () => void }) {
  const { name, namespace: space } = deployment.metadata;
  const path = pathOf(kinds.deployments, space, name);
  const liveSets = useLive<ReplicaSet>(kinds.replicasets, space, { labels });
  const sets = liveSets.list;
  const livePods = useLive<Pod>(kinds.pods, space, { labels });
  const pods = livePods.list;
  const events = useLive<EventObj>(kinds.events, space, { fields: `involvedObject.kind=Deployment,involvedObject.name=${name}` });
  const rollout = useMemo(
    () => rolloutOf(deployment, byController(sets), byController(pods)),
    [deployment, sets, pods],
  );
  const own = useMemo(() => rollout.revisions.flatMap((each) => each.pods), [rollout]);
  const why = rolloutWhy(rollout, useWhy(own));
  const undo = async (revision: Revision) => {
    if (deployment.spec.paused) return say('bad', t.deployment.undoPaused(name));
    return tell(() => patch(path, undoOf(deployment, revision.set), 'json-patch'), t.done.undone(name, revision.number));
  };
  const unknown = [livePods, liveSets].find((each) => !each.loaded); // Whose pods they are say both.
  const lanes = unknown ? [] : rollout.revisions;
  return (
    <>
      <Head title={name} sub={<><Badge tone={rollout.tone}>{t.workloads[rollout.word]}</Badge><span>{space}</span><Age time={deployment.metadata.creationTimestamp} /></>}>
        <Actions deployment={deployment} path={path} onImage={onImage} />
      </Head>
      {why && <Notice tone={rollout.tone} title={t.pod.why}> {why}</Notice>}
      <div class="columns">
        <div>
          <RolloutPanel {...rollout} stages={lanes} strategy={strategyText(deployment)} />
          <PodsUsage space={space ?? ''} labels={labels} pods={own} />
          <Panel title={t.deployment.pods}>
            {unknown ? <Standing of={unknown} /> : <PodTable label={t.deployment.pods} pods={own} brief="space" />}
          </Panel>
        </div>
        <div>
          {liveSets.loaded ? <HistoryPanel stages={rollout.revisions} undo={undo} />
            : <Panel title={t.deployment.history}><Standing of={liveSets} /></Panel>}
          <Panel title={t.deployment.events}><EventList of={events} events={events.list.filter((each) => isAbout(kinds.deployments, deployment, each))} /></Panel>
        </div>
      </div>
    </>
  );
}
