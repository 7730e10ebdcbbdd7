// CPU and memory over the last hour, as areas: what is used, and lines for what was promised.
import { useState } from 'preact/hooks';

import type { Usage } from '../api/usage';
import { duration } from '../model/age';
import { bytes, cores } from '../model/quantity';
import { niceMax, runsOf, type Sample, type Use } from '../model/usage';
import { t } from '../texts';
import { Panel } from './parts';
import { useWidth } from './width';

export interface Mark {
  text: string;
  value: number; // 0: there is none.
}

const kHeight = 150;
const kLeft = 58;
const kTop = 8;
const kBottom = 22;
// A picture of seconds would be a line that stands still: it begins with so much.
const kSpanMinMs = 3 * 60_000;

const shown = { cpu: cores, memory: bytes };

function Plot(props: { what: keyof Use; title: string; samples: Sample[]; marks: Mark[]; over: boolean }) {
  const { what, title, samples, marks, over } = props;
  const [at, setAt] = useState<Sample | null>(null);
  const { of: figure, width } = useWidth<HTMLElement>();
  const last = samples.at(-1);
  const end = last?.time ?? Date.now();
  const span = Math.max(kSpanMinMs, end - (samples[0]?.time ?? end));
  const told = marks.filter((each) => each.value > 0);
  const used = Math.max(0, ...samples.map((each) => each[what]));
  // Lines far above what is used would press it flat: they are told of in words alone.
  const near = told.filter((each) => each.value <= Math.max(used * 4, niceMax(0, what)));
  const top = niceMax(Math.max(used * 1.1, ...near.map((each) => each.value)), what);
  const x = (time: number) => kLeft + (1 - (end - time) / span) * (width - kLeft - 4);
  const y = (value: number) => kTop + (1 - value / top) * (kHeight - kTop - kBottom);
  const floor = y(0);
  const now = at ?? (over ? undefined : last);
  const words = told.map((each, at) => `${at === 0 ? '' : each.text === t.usage.there ? ' ' : ', '}${each.text} ${shown[what](each.value)}`).join('');
  return (
    <figure ref={figure} class={`plot plot-${what}`}>
      <figcaption>
        <span>{title}</span>
        <b>{now ? shown[what](now[what]) : '–'}</b>
        {at && !over && <small class="dim">{t.events.ago(duration(end - at.time))}</small>}
        <small class="dim plot-marks">{words}</small>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${kHeight}`}
        role="img"
        aria-label={t.usage.label(title, now ? shown[what](now[what]) : '–', words)}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const over = ((event.clientX - box.left) / box.width) * width;
          let best: Sample | null = null;
          for (const each of samples) if (!best || Math.abs(x(each.time) - over) < Math.abs(x(best.time) - over)) best = each;
          setAt(best);
        }}
        onPointerLeave={() => setAt(null)}
      >
        {[0, 0.5, 1].map((share) => (
          <g key={share}>
            <line class="grid-line" x1={kLeft} x2={width - 4} y1={y(top * share)} y2={y(top * share)} />
            <text x={kLeft - 8} y={y(top * share) + 4} text-anchor="end">{shown[what](top * share)}</text>
          </g>
        ))}
        {!over && <text x={kLeft} y={kHeight - 4}>{t.events.ago(duration(span))}</text>}
        {!over && <text x={width - 4} y={kHeight - 4} text-anchor="end">{t.events.nowLabel}</text>}
        {runsOf(samples).map((run) => {
          const line = run.map((each) => `${x(each.time).toFixed(1)} ${y(each[what]).toFixed(1)}`).join('L');
          const [first, final] = [run[0]!, run.at(-1)!];
          return (
            <g key={first.time}>
              <path class="plot-area" d={`M${x(first.time)} ${floor}L${line}L${x(final.time)} ${floor}Z`} />
              <path class="plot-line" d={`M${line}${run.length === 1 ? 'h.1' : ''}`} />
            </g>
          );
        })}
        {near.map((each, index) => (
          <line key={each.text} class={`plot-mark mark-${index}`} x1={kLeft} x2={width - 4} y1={y(each.value)} y2={y(each.value)} />
        ))}
        {now && <circle class="plot-dot" cx={x(now.time)} cy={y(now[what])} r={3.5} />}
      </svg>
    </figure>
  );
}

// `name`: of one object among those; without one, all together. `runs`: whether there is anything to measure.
export function UsagePanel(props: { usage: Usage; name?: string; runs?: boolean; cpu: Mark[]; memory: Mark[]; title?: string }) {
  const { usage, name, runs = true } = props;
  const state = usage.state.value;
  const total = usage.total.value; // Also what tells that there is more of a single one.
  const samples = name === undefined ? total : (usage.named.get(name) ?? []);
  // Where there are none, there is nothing to look at.
  if (state === 'none') return null;
  const over = !runs || state === 'empty';
  const why = !runs ? t.usage.notRunning : state === 'empty' ? t.usage.nothing : t.usage.waiting;
  return (
    <Panel title={props.title ?? t.usage.title} side={state === 'away' ? <small class="dim">{t.awayShort}</small> : undefined}>
      {state === 'refused' ? <p class="dim small">{t.usage.refused}</p>
        : (samples.length === 0 || over) && <p class="dim small" role="status">{why}</p>}
      {state !== 'refused' && samples.length > 0 && (
        <div class="plots">
          <Plot what="cpu" title={t.usage.cpu} samples={samples} marks={props.cpu} over={over} />
          <Plot what="memory" title={t.usage.memory} samples={samples} marks={props.memory} over={over} />
        </div>
      )}
    </Panel>
  );
}
