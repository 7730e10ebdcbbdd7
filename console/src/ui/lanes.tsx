// What runs pods by a template: each state of that template with its pods, and what it was before.
import type { Pod } from '../api/types';
import { podState, type Tone } from '../model/pod';
import type { Stage } from '../model/rollout';
import { href } from '../router';
import { t } from '../texts';
import { Action, Age, Panel } from './parts';

function Squares({ pods }: { pods: Pod[] }) {
  return (
    <div class="squares">
      {pods.map((pod) => (
        <a key={pod.metadata.uid} class={`square tone-${podState(pod).tone}`} title={`${pod.metadata.name} · ${podState(pod).word}`}
           aria-label={`${pod.metadata.name}, ${podState(pod).word}`} href={href('pod', [pod.metadata.namespace, pod.metadata.name])} />
      ))}
      {pods.length === 0 && <span class="dim small">{t.deployment.noPods}</span>}
    </div>
  );
}

function Lane({ stage, wanted }: { stage: Stage; wanted: number }) {
  const most = Math.max(wanted, stage.pods.length, 1);
  return (
    <li class={stage.isNew ? 'lane new' : 'lane'}>
      <div class="lane-head">
        <b>{t.deployment.revision(stage.number)}</b>
        <span class="chip">{stage.isNew ? t.deployment.newest : t.deployment.old}</span>
        <span class="mono small dim break">{stage.images.join(', ')}</span>
        <span class="lane-count">{t.deployment.readyCount(stage.ready)}</span>
      </div>
      <div class="bar" aria-hidden="true">
        <i class="bar-all" style={{ width: `${(stage.pods.length / most) * 100}%` }} />
        <i class="bar-ready" style={{ width: `${(stage.ready / most) * 100}%` }} />
      </div>
      <Squares pods={stage.pods} />
    </li>
  );
}

export function RolloutPanel(props: { wanted: number; updated: number; ready: number; surge?: number; stages: Stage[]; strategy: string }) {
  const { wanted, surge = 0 } = props;
  const counts: [string, Tone | ''][] = [
    [t.deployment.wanted(wanted), ''], [t.deployment.updated(props.updated), ''], [t.deployment.readyCount(props.ready), 'good'],
  ];
  return (
    <Panel title={t.deployment.rollout} side={
      <ul class="legend">
        {counts.map(([text, tone]) => <li key={text} class={tone && `tone-${tone}`}>{text}</li>)}
        {surge > 0 && <li class="tone-busy">{t.deployment.surge(surge)}</li>}
      </ul>
    }>
      <ul class="lanes">
        {props.stages.filter((each) => each.isNew || each.pods.length > 0).map((each) => <Lane key={each.key} stage={each} wanted={wanted} />)}
      </ul>
      <p class="small dim">{props.strategy}</p>
    </Panel>
  );
}

export function HistoryPanel<T extends Stage>({ stages, undo }: { stages: T[]; undo: (stage: T) => Promise<unknown> }) {
  return (
    <Panel title={t.deployment.history}>
      <ol class="history">
        {stages.map((each) => (
          <li key={each.key} class={each.isNew ? 'current' : ''}>
            <div>
              <b>{t.deployment.revision(each.number)}</b> <Age time={each.since} />
              <div class="mono small break">{each.images.join(', ')}</div>
              {each.cause && <div class="small dim">{each.cause}</div>}
            </div>
            {each.isNew ? <span class="chip">{t.deployment.newest}</span>
              : <Action text={t.deployment.undo} label={`${t.deployment.undo}: ${t.deployment.revision(each.number)}`} run={() => undo(each)} />}
          </li>
        ))}
      </ol>
    </Panel>
  );
}
