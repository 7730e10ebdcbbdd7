// What is used, from metrics.k8s.io. Nobody can watch that, so it is asked for every so often, but only
// while somebody looks at it: a view shows it, and its tab is seen. Those who look at the same share the
// question and its history.
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';

import { type Metrics, pauseOf, type Sample, stateOfEmpty, sumOf, type UsageState, type Use, useOf, withSample } from '../model/usage';
import { onForget } from './live';
import { ApiError, request } from './request';
import { nextLogin, session } from './session';

// Histories of single objects are kept of so many.
const kNamedMax = 500;

export const kUsage = '/apis/metrics.k8s.io/v1beta1';

interface List {
  items?: Metrics[];
}

// Those that a view shows. Nothing wakes while the tab is hidden; seen again, they go on at once.
const shown = new Set<Usage>();
document.addEventListener('visibilitychange', () => {
  for (const each of shown) each.goOn();
});

export class Usage {
  readonly state = signal<UsageState>('loading');
  readonly total = signal<Sample[]>([]);
  // "namespace/name", or the name of a node.
  readonly now = signal<Map<string, Use>>(new Map());
  readonly named = new Map<string, Sample[]>();
  private users = 0;
  private timer = 0;
  private asked = -Infinity; // When.
  private asking = false;
  private empty = 0; // Answers, one behind another, that had nothing in them.

  constructor(private readonly path: string) {}

  use(): () => void {
    this.users += 1;
    shown.add(this);
    if (this.users === 1) this.goOn();
    return () => {
      this.users -= 1;
      if (this.users > 0) return;
      shown.delete(this);
      clearTimeout(this.timer);
    };
  }

  // Asks when it is time to, if anybody looks then. Who leaves and comes back does not ask anew.
  goOn(): void {
    clearTimeout(this.timer);
    if (this.users === 0 || document.hidden || this.asking) return;
    const pause = pauseOf(performance.now() - this.asked, this.state.peek());
    this.timer = window.setTimeout(() => void this.look(), pause);
  }

  private async look(): Promise<void> {
    this.asking = true;
    if (session.value === null) await nextLogin();
    await this.ask();
    this.asked = performance.now();
    this.asking = false;
    this.goOn();
  }

  private async ask(): Promise<void> {
    try {
      const list = await request<List>(this.path);
      this.take(list.items ?? []);
    } catch (error) {
      const { code } = error as ApiError;
      if (code === 403) this.state.value = 'refused';
      else if (code === 404) this.state.value = 'none';
      else if (code === 503 && this.total.value.length === 0) this.state.value = 'loading';
      else this.state.value = 'away';
    }
  }

  private take(items: Metrics[]): void {
    // Nobody has looked for a while, or there is nothing: in neither case is nothing used.
    if (items.length === 0) {
      this.empty += 1;
      this.state.value = stateOfEmpty(this.empty, this.state.value);
      return;
    }
    this.empty = 0;
    const time = Date.now();
    const now = new Map(items.map((each) => {
      const { namespace, name } = each.metadata;
      return [namespace ? `${namespace}/${name}` : name, useOf(each)];
    }));
    for (const [name, use] of now) {
      if (!this.named.has(name) && this.named.size >= kNamedMax) continue;
      this.named.set(name, withSample(this.named.get(name) ?? [], { ...use, time }));
    }
    for (const name of this.named.keys()) if (!now.has(name)) this.named.delete(name);
    this.now.value = now;
    this.total.value = withSample(this.total.value, { ...sumOf(now.values()), time });
    this.state.value = 'live';
  }
}

const usages = new Map<string, Usage>();
const kUsagesMax = 32;
onForget(() => usages.clear());

// `path`: a collection of metrics.k8s.io, with its query.
export function useUsage(path: string): Usage {
  const usage = useMemo(() => {
    const key = `${session.value?.user ?? ''} ${path}`;
    const found = usages.get(key);
    if (found) return found;
    // The oldest history goes.
    if (usages.size >= kUsagesMax) usages.delete(usages.keys().next().value!);
    const made = new Usage(path);
    usages.set(key, made);
    return made;
  }, [path]);
  useEffect(() => usage.use(), [usage]);
  return usage;
}

export function usageOfPods(space: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString();
  const where = space === '' ? '' : `/namespaces/${encodeURIComponent(space)}`;
  return `${kUsage}${where}/pods${text === '' ? '' : `?${text}`}`;
}
