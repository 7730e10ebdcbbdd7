// Lines of a log, of which only those in sight are in the page.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Line } from '../model/lines';
import { t } from '../texts';

export const kTail = 2_000;
const kLine = 20;
const kBeyond = 20;
const kLineShownMax = 4_000;

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

interface Props {
  known: boolean; // What has been said so far: it has come.
  shown: Line[];
  find: string; // In lower case.
  wrap: boolean;
  stick: boolean;
  onStick: (on: boolean) => void;
  before?: (line: Line) => ComponentChildren;
}

export function LineList({ known, shown, find, wrap, stick, onStick, before }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const came = useRef(0); // Where it was scrolled to last.
  const height = box.current?.clientHeight ?? 600;
  // Noted at once: who scrolls up before the browser tells of this has still scrolled up.
  const toEnd = (element: HTMLDivElement) => {
    element.scrollTop = element.scrollHeight;
    came.current = element.scrollTop;
  };
  useEffect(() => {
    if (stick && box.current) toEnd(box.current);
  }, [shown, stick, wrap]);
  const followed = useRef(stick);
  followed.current = stick;
  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => {
      if (followed.current) toEnd(element);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
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
        // The end goes away from who follows it, too, where the box gets lower or lines come at once: only who
        // scrolls up wants to stay where he is.
        const isUp = scrollTop < came.current;
        came.current = scrollTop;
        if (atEnd !== stick && (atEnd || isUp)) onStick(atEnd);
      }}
    >
      <div class="log-body" style={wrap ? {} : { height: `${shown.length * kLine}px` }}>
        <pre style={wrap ? {} : { transform: `translateY(${first * kLine}px)` }}>
          {shown.slice(first, last).map((line, at) => (
            <div key={first + at} class={/\b(error|fatal|panic)\b/i.test(line.text) ? 'log-line bad' : 'log-line'}>
              {before?.(line)}
              <Marked line={line.text} find={find} />
            </div>
          ))}
        </pre>
      </div>
      {shown.length === 0 && <p class="dim log-empty">{!known ? t.loading : find === '' ? t.logs.empty : t.nothingFits}</p>}
    </div>
  );
}

export function LogCheck({ text, on, set }: { text: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label class="check inline">
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} />
      <span>{text}</span>
    </label>
  );
}

export function LogSearch({ find, set }: { find: string; set: (text: string) => void }) {
  return (
    <input type="search" class="input filter" data-filter aria-label={t.logs.find} placeholder={t.logs.find}
           value={find} onInput={(event) => set(event.currentTarget.value)} />
  );
}

export function saveLines(name: string, lines: string[]): void {
  const url = URL.createObjectURL(new Blob([lines.join('\n'), '\n'], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}.log`;
  link.click();
  URL.revokeObjectURL(url);
}
