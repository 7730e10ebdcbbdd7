// What containers say, as they say it. The newest lines are kept, those in sight are in the page.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds, pathOf } from '../api/kinds';
import { ApiError, ask } from '../api/request';
import { nextLogin } from '../api/session';
import type { Pod } from '../api/types';
import { t } from '../texts';
import { ErrorNotice } from '../ui/parts';

// The oldest lines go when there are more, or when they are longer together.
const kKeptMax = 20_000;
const kCharactersMax = 32 << 20;
// A longer line is broken.
const kLineMax = 1 << 20;
const kTail = 2_000;
const kLine = 20;
const kBeyond = 20;
const kLineShownMax = 4_000;

// Lines that one stream brought, kept outside of what is rendered.
class Lines {
  all: string[] = [];
  dropped = 0;
  private rest = '';
  private characters = 0;

  take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    if (this.rest.length > kLineMax) {
      lines.push(this.rest);
      this.rest = '';
    }
    for (const line of lines) {
      this.all.push(line);
      this.characters += line.length;
    }
    let gone = 0;
    while (this.all.length - gone > kKeptMax || this.characters > kCharactersMax) {
      this.characters -= this.all[gone]!.length;
      gone += 1;
    }
    if (gone > 0) this.all = this.all.slice(gone);
    this.dropped += gone;
  }
  end(): void {
    if (this.rest !== '') this.take('\n');
  }
}

// The log at `path`, asked for again by `again`: it begins anew then.
function useLog(path: string) {
  const lines = useRef(new Lines());
  const [version, setVersion] = useState(0);
  const [ended, setEnded] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const again = () => setRound((old) => old + 1);
  useEffect(() => {
    const stop = new AbortController();
    const mine = new Lines();
    lines.current = mine;
    setEnded(false);
    setError(null);
    setVersion(0);
    let frame = 0;
    const show = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setVersion((old) => old + 1));
    };
    const read = async (): Promise<void> => {
      const response = await ask(path, { signal: stop.signal, accept: '*/*' });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        mine.take(value);
        show();
      }
      mine.end();
      show();
      setEnded(true);
    };
    read().catch(async (failed: unknown) => {
      if (stop.signal.aborted) return;
      const known = failed instanceof ApiError ? failed : new ApiError(0, '', t.logs.broken);
      setError(known);
      if (known.code !== 401) return;
      await nextLogin();
      if (!stop.signal.aborted) again();
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [path, round]);
  return { lines: lines.current, version, ended, error, again };
}

function save(name: string, lines: string[]): void {
  const url = URL.createObjectURL(new Blob([lines.join('\n'), '\n'], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}.log`;
  link.click();
  URL.revokeObjectURL(url);
}

function Marked({ line, find }: { line: string; find: string }) {
  const text = line.length > kLineShownMax ? `${line.slice(0, kLineShownMax)}…` : line;
  const at = find === '' ? -1 : text.toLowerCase().indexOf(find);
  if (at < 0) return <>{text || ' '}</>;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + find.length)}</mark>
      {text.slice(at + find.length)}
    </>
  );
}

function LineList({ shown, find, wrap, stick, onStick }: { shown: string[]; find: string; wrap: boolean; stick: boolean; onStick: (on: boolean) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = box.current?.clientHeight ?? 600;
  useEffect(() => {
    if (stick && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown, stick, wrap]);
  // Wrapped lines have no height that is known before: the newest of them are all in the page.
  const first = wrap ? Math.max(0, shown.length - kTail) : Math.max(0, Math.floor(top / kLine) - kBeyond);
  const last = wrap ? shown.length : Math.min(shown.length, Math.ceil((top + height) / kLine) + kBeyond);
  return (
    <div
      class={wrap ? 'log wrap' : 'log'}
      ref={box}
      tabIndex={0}
      role="log"
      aria-label={t.logs.label}
      onScroll={(event) => {
        const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
        setTop(scrollTop);
        const atEnd = scrollTop + clientHeight > scrollHeight - kLine * 2;
        if (atEnd !== stick) onStick(atEnd);
      }}
    >
      <div class="log-body" style={wrap ? {} : { height: `${shown.length * kLine}px` }}>
        <pre style={wrap ? {} : { transform: `translateY(${first * kLine}px)` }}>
          {shown.slice(first, last).map((line, at) => (
            <div key={first + at} class={/\b(error|fatal|panic)\b/i.test(line) ? 'log-line bad' : 'log-line'}>
              <Marked line={line} find={find} />
            </div>
          ))}
        </pre>
      </div>
      {shown.length === 0 && <p class="dim log-empty">{t.logs.empty}</p>}
    </div>
  );
}

export function Logs({ pod }: { pod: Pod }) {
  const names = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((each) => each.name);
  const [container, setContainer] = useState(names[0] ?? '');
  const [times, setTimes] = useState(false);
  const [previous, setPrevious] = useState(false);
  const [wrap, setWrap] = useState(false);
  const [stick, setStick] = useState(true);
  const [find, setFind] = useState('');
  const query = new URLSearchParams({ container, tailLines: String(kTail), follow: String(!previous) });
  if (times) query.set('timestamps', 'true');
  if (previous) query.set('previous', 'true');
  const path = `${pathOf(kinds.pods, pod.metadata.namespace, pod.metadata.name)}/log?${query}`;
  const { lines, version, ended, error, again } = useLog(path);
  const word = find.toLowerCase();
  const shown = useMemo(
    () => (word === '' ? [...lines.all] : lines.all.filter((line) => line.toLowerCase().includes(word))),
    [lines, version, word],
  );
  const check = (text: string, on: boolean, set: (on: boolean) => void) => (
    <label class="check inline">
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} />
      <span>{text}</span>
    </label>
  );
  return (
    <div class="logs">
      <div class="table-tools">
        {names.length > 1 && (
          <select class="input" aria-label={t.logs.container} value={container} onChange={(event) => setContainer(event.currentTarget.value)}>
            {names.map((name) => <option key={name}>{name}</option>)}
          </select>
        )}
        <input type="search" class="input filter" data-filter aria-label={t.logs.find} placeholder={t.logs.find}
               value={find} onInput={(event) => setFind(event.currentTarget.value)} />
        {check(t.logs.follow, stick, setStick)}
        {check(t.logs.wrap, wrap, setWrap)}
        {check(t.logs.times, times, setTimes)}
        {check(t.logs.previous, previous, setPrevious)}
        <button class="button" onClick={() => save(`${pod.metadata.name}-${container}`, lines.all)}>{t.logs.download}</button>
        <span class="rows">{t.logs.lines(shown.length)}</span>
      </div>
      <ErrorNotice error={error} />
      {error && <p><button class="button small" onClick={again}>{t.retry}</button></p>}
      <LineList shown={shown} find={word} wrap={wrap} stick={stick} onStick={setStick} />
      <p class="small dim" role="status">
        {lines.dropped > 0 ? t.logs.dropped(lines.dropped) : ''} {ended ? t.logs.ended : ''}
      </p>
    </div>
  );
}
