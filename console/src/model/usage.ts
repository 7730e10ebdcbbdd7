// What nodes or pods use, as metrics.k8s.io says it, and how that went over the last hour.
import type { Obj } from '../api/types';
import { quantity } from './quantity';

export interface Use {
  cpu: number; // Cores.
  memory: number; // Bytes.
}

export interface Sample extends Use {
  time: number;
}

// NodeMetrics and PodMetrics.
export interface Metrics extends Obj {
  timestamp?: string;
  usage?: Record<string, string>;
  containers?: { usage?: Record<string, string> }[];
}

const kSpanMs = 3_600_000;
// A pause that is longer is a gap in a plot: nobody looked.
const kGapMs = 60_000;

// none: this cluster serves no metrics. refused: this user may not see them. empty: they are served, and of
// this there are none.
export type UsageState = 'loading' | 'live' | 'none' | 'refused' | 'away' | 'empty';

const kEveryMs = 15_000;
// Who is asked for the first time has to look first.
const kFirstMs = 3_000;
// Where there is nothing to show, nobody waits for it.
const kNothingMs = 120_000;
// Nobody has looked for a while: then the first answers have nothing in them. More of those say something.
const kEmptyMax = 4;

// How long to wait with the next question, the last one being so long ago (Infinity: there was none).
export function pauseOf(agoMs: number, state: UsageState): number {
  const pause = state === 'loading' ? kFirstMs : state === 'none' || state === 'refused' ? kNothingMs : kEveryMs;
  return Math.max(0, pause - agoMs);
}

// After so many answers, one behind another, that had nothing in them.
export function stateOfEmpty(answers: number, state: UsageState): UsageState {
  return answers >= kEmptyMax ? 'empty' : state;
}

export function useOf(metrics: Metrics): Use {
  const parts = metrics.containers ? metrics.containers.map((each) => each.usage) : [metrics.usage];
  return parts.reduce<Use>(
    (sum, each) => ({ cpu: sum.cpu + quantity(each?.cpu), memory: sum.memory + quantity(each?.memory) }),
    { cpu: 0, memory: 0 },
  );
}

export function sumOf(all: Iterable<Use>): Use {
  let cpu = 0;
  let memory = 0;
  for (const each of all) {
    cpu += each.cpu;
    memory += each.memory;
  }
  return { cpu, memory };
}

// With one more, and without those of more than an hour before it.
export function withSample(samples: Sample[], sample: Sample): Sample[] {
  const first = samples.findIndex((each) => each.time > sample.time - kSpanMs);
  return [...(first < 0 ? [] : samples.slice(first)), sample];
}

// Runs of samples between which nobody stopped looking.
export function runsOf(samples: Sample[]): Sample[][] {
  const runs: Sample[][] = [];
  for (const [at, sample] of samples.entries()) {
    const before = samples[at - 1];
    if (before && sample.time - before.time <= kGapMs) runs[runs.length - 1]!.push(sample);
    else runs.push([sample]);
  }
  return runs;
}

// The nearest number above that people read easily: 1, 2, 2.5 or 5 times a power of the base.
export function niceMax(value: number, what: keyof Use): number {
  if (!(value > 0)) return what === 'cpu' ? 0.1 : 2 ** 20;
  const base = what === 'cpu' ? 10 : 1024;
  const power = base ** Math.floor(Math.log(value) / Math.log(base));
  const steps = what === 'cpu' ? [1, 2, 2.5, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return power * (steps.find((step) => step * power >= value * 0.999_999) ?? base);
}
