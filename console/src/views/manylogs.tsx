// What all pods of a workload or behind a Service say, as one log in the order in which it was said; who
// said it is beside each line. Pods that come, as in a rolling update, are followed from then on.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { type Kind, kindByName, kinds, pathOf } from '../api/kinds';
import { useLive } from '../api/live';
import { readLog } from '../api/log';
import { type ApiError } from '../api/request';
import { nextLogin } from '../api/session';
import type { Obj, Pod, Selector } from '../api/types';
import { Lines } from '../model/lines';
import { isLogged, pageOf, saysMore, selectorOf } from '../model/logged';
import { runningContainers, statusesOf } from '../model/pod';
import { href, place } from '../router';
import { t } from '../texts';
import { LineList, LogCheck, LogSearch, saveLines } from '../ui/loglines';
import { Head, Notice, Standing } from '../ui/parts';

// Streams at once, and lines of each to begin with.
const kStreamsMax = 20;
const kEachTail = 200;
const kColours = 8;
const kRetryMs = 3_000;

interface Stream {
  pod: string;
  container: string;
  index: number;
  stop: AbortController;
  error: string;
  ended: boolean; // Nothing more will be said.
  opened: boolean; // The server has answered.
}

interface Source {
  pod: string;
  container: string;
  hue: number; // Of its pod.
}

class Follower {
  readonly lines = new Lines(true);
  readonly streams = new Map<string, Stream>();
  // Those that are read, and those of which lines are shown still.
  readonly sources = new Map<number, Source>();
  private begun = 0;
  private frame = 0;
  private closed = false;

  constructor(private readonly space: string, private readonly show: () => void) {}

  // Follows those of them that run, and are not followed yet. How many there is no room for.
  follow(pods: Pod[]): number {
    const there = new Set<string>();
    let left = 0;
    for (const pod of pods) {
      const begun = new Set(statusesOf(pod).filter((each) => !each.state?.waiting || each.restartCount > 0).map((each) => each.name));
      for (const name of runningContainers(pod)) {
        const key = `${pod.metadata.uid} ${name}`;
        there.add(key);
        const stream = this.streams.get(key);
        if (stream && !saysMore(pod)) stream.ended = true;
        if (!begun.has(name) || stream) continue;
        if (this.open() >= kStreamsMax) left += 1;
        else this.begin(key, pod.metadata.name, name, !saysMore(pod));
      }
    }
    // What a pod that is gone has said stays; its place is free.
    for (const [key, stream] of this.streams) {
      if (there.has(key)) continue;
      stream.stop.abort();
      this.streams.delete(key);
    }
    const read = new Set([...this.streams.values()].map((each) => each.index));
    for (const index of this.sources.keys()) {
      if (read.has(index)) continue;
      this.lines.close(index);
      if (this.lines.count(index) === 0) this.sources.delete(index);
    }
    return left;
  }

  // So many are read at the moment.
  open(): number {
    return [...this.streams.values()].filter((each) => !each.ended).length;
  }

  // Whether what was said so far has come of all, or why not.
  isKnown(): boolean {
    return [...this.streams.values()].every((each) => each.opened || each.error !== '');
  }

  close(): void {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    for (const { stop } of this.streams.values()) stop.abort();
  }

  private begin(key: string, pod: string, container: string, ended: boolean): void {
    const index = this.begun++;
    const hue = [...this.sources.values()].find((each) => each.pod === pod)?.hue ?? index % kColours;
    this.sources.set(index, { pod, container, hue });
    const stream: Stream = { pod, container, index, stop: new AbortController(), error: '', ended, opened: false };
    this.streams.set(key, stream);
    void this.read(stream);
  }

  private async read(stream: Stream): Promise<void> {
    while (!stream.stop.signal.aborted) {
      const since = this.lines.resume(stream.index);
      const query = new URLSearchParams({ container: stream.container, follow: 'true', timestamps: 'true' });
      if (since === '') query.set('tailLines', String(kEachTail));
      else query.set('sinceTime', since);
      try {
        await readLog(`${pathOf(kinds.pods, this.space, stream.pod)}/log?${query}`, stream.stop.signal, (text) => {
          if (stream.stop.signal.aborted) return;
          this.lines.take(text, stream.index);
          stream.error = '';
          this.redraw();
        }, () => {
          stream.opened = true;
          this.redraw();
        });
        stream.error = '';
        if (stream.ended) {
          this.lines.end(stream.index);
          return this.redraw();
        }
      } catch (error) {
        if (stream.stop.signal.aborted) return;
        stream.error = (error as ApiError).message || t.logs.broken;
        if ((error as ApiError).code === 401) await nextLogin();
      }
      this.redraw();
      // A container that has ended may be started again, and a server that is away comes back.
      await new Promise((resolve) => setTimeout(resolve, kRetryMs));
    }
  }

  private redraw(): void {
    if (this.closed) return;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(this.show);
  }
}

interface Following {
  kind: Kind;
  name: string;
  space: string;
  labels: string;
  gone: boolean; // What selects them; what they have said stays.
}

function Followed({ kind, name, space, labels, gone }: Following) {
  const pods = useLive<Pod>(kinds.pods, space, { labels });
  const [version, setVersion] = useState(0);
  const [find, setFind] = useState('');
  const [wrap, setWrap] = useState(false);
  const [times, setTimes] = useState(false);
  const [stick, setStick] = useState(true);
  const [picked, setOnly] = useState<string | null>(null);
  const [left, setLeft] = useState(0);
  const follower = useRef<Follower | null>(null);
  useEffect(() => {
    follower.current = new Follower(space, () => setVersion((old) => old + 1));
    return () => follower.current?.close();
  }, []);
  const list = pods.list;
  useEffect(() => setLeft(follower.current?.follow(list.filter((pod) => kind.plural === 'jobs' || pod.status?.phase !== 'Succeeded')) ?? 0), [list]);
  const { lines, sources, streams } = follower.current ?? { lines: new Lines(), sources: new Map<number, Source>(), streams: new Map<string, Stream>() };
  const all = [...sources.values()];
  const hues = new Map(all.map((each) => [each.pod, each.hue]));
  // Whose lines have all gone can be chosen no longer.
  const only = picked !== null && hues.has(picked) ? picked : null;
  const many = new Set(all.map((each) => each.container)).size > 1;
  const word = find.toLowerCase();
  const shown = useMemo(
    () => lines.all.filter((line) =>
      (only === null || sources.get(line.source)?.pod === only) && (word === '' || line.text.toLowerCase().includes(word))),
    [lines, version, word, only],
  );
  const short = (pod: string) => (pod.startsWith(`${name}-`) ? pod.slice(name.length + 1) : pod);
  const labelOf = (source: number) => {
    const from = sources.get(source);
    return from ? `${short(from.pod)}${many ? ` ${from.container}` : ''}` : '';
  };
  const longest = Math.max(0, ...[...sources.keys()].map((at) => labelOf(at).length));
  const isHidden = !pods.loaded && pods.status.value === 'refused';
  const errors = [...streams.values()].filter((each) => each.error !== '');
  return (
    <div class="full">
      <Head title={t.logs.of(name)} sub={<><span>{kind.kind}</span><span>{space}</span><span>{t.logs.followed(follower.current?.open() ?? 0)}</span></>}>
        <a class="button" href={href(...pageOf(kind, space, name))}>{kind.plural === 'deployments' ? t.logs.back : kind.kind}</a>
      </Head>
      {gone && <Notice tone="warn">{t.gone}</Notice>}
      {isHidden ? <Standing of={pods} /> : <div class="logs">
        <div class="table-tools">
          <LogSearch find={find} set={setFind} />
          <LogCheck text={t.logs.follow} on={stick} set={setStick} />
          <LogCheck text={t.logs.wrap} on={wrap} set={setWrap} />
          <LogCheck text={t.logs.times} on={times} set={setTimes} />
          <button class="button" onClick={() => saveLines(name, lines.all.map((each) => `${each.time} ${labelOf(each.source)} ${each.text}`))}>{t.logs.download}</button>
          <span class="rows">{t.logs.lines(shown.length)}</span>
        </div>
        <div class="log-sources" role="group" aria-label={t.logs.sources}>
          {[...hues].map(([pod, hue]) => (
            <button key={pod} class={`chip log-source hue-${hue}`} aria-pressed={only === pod} onClick={() => setOnly(only === pod ? null : pod)}>
              {short(pod)}
            </button>
          ))}
        </div>
        {left > 0 && <Notice tone="warn">{t.logs.tooMany(kStreamsMax, left)}</Notice>}
        {errors.length > 0 && <Notice tone="bad">{short(errors[0]!.pod)}: {errors[0]!.error}</Notice>}
        <LineList known={pods.loaded && (follower.current?.isKnown() ?? false)} shown={shown} find={word} wrap={wrap} stick={stick} onStick={setStick} before={(line) => (
          <span class={`log-from hue-${sources.get(line.source)?.hue ?? 0}`}>
            {times ? `${line.time} ` : ''}{labelOf(line.source).padEnd(longest)}{' '}
          </span>
        )} />
        <p class="small dim" role="status">{lines.dropped > 0 ? t.logs.dropped(lines.dropped) : ''}</p>
      </div>}
    </div>
  );
}

export function ManyLogs() {
  const [plural = '', space = '', name = ''] = place.value.params;
  const named = kindByName(plural);
  const kind = named && isLogged(named) ? named : kinds.deployments;
  const live = useLive<Obj & { spec: { selector?: Selector | Record<string, string> } }>(kind, space, { name });
  const last = useRef(live.list[0]);
  if (live.list[0]) last.current = live.list[0];
  const found = last.current;
  const labels = found ? selectorOf(kind, found.spec.selector) : '';
  // Without a selector it would be the logs of everything.
  if (found && labels !== '') return <Followed key={found.metadata.uid} kind={kind} name={name} space={space} labels={labels} gone={live.loaded && !live.list[0]} />;
  return (
    <>
      <Head title={t.logs.of(name)} sub={space} />
      {live.loaded ? <Notice tone="warn">{found ? t.services.noSelector : t.gone}</Notice> : <Standing of={live} />}
    </>
  );
}
