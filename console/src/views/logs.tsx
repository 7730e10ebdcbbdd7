// What the containers of a pod say, as they say it.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds, pathOf } from '../api/kinds';
import { ApiError } from '../api/request';
import { readLog } from '../api/log';
import { nextLogin } from '../api/session';
import type { Pod } from '../api/types';
import { Lines } from '../model/lines';
import { loggedContainers, statusesOf } from '../model/pod';
import { t } from '../texts';
import { kTail, LineList, LogCheck, LogSearch, saveLines } from '../ui/loglines';
import { ErrorNotice, Notice } from '../ui/parts';

// So long after one has ended or broken off it is asked for what came since.
const kRetryMs = 3_000;

// The log at `path`. Where it `follows` a container that `runs`, an end is none: the container was started anew, or
// the server goes away, and what comes then is added to what was said. `again`: at once.
function useLog(path: string, follows: boolean, runs: boolean) {
  const kept = useRef({ path: '', lines: new Lines(true) });
  const [version, setVersion] = useState(0);
  const [opened, setOpened] = useState(''); // The path that was answered.
  const [ended, setEnded] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const again = () => setRound((old) => old + 1);
  if (kept.current.path !== path) kept.current = { path, lines: new Lines(true) };
  const { lines } = kept.current;
  useEffect(() => setError(null), [path]);
  useEffect(() => {
    const stop = new AbortController();
    setEnded(false);
    let frame = 0;
    const show = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setVersion((old) => old + 1));
    };
    const since = lines.resume();
    const from = new URLSearchParams(since === '' ? { tailLines: String(kTail) } : { sinceTime: since });
    const take = (text: string) => {
      if (stop.signal.aborted) return;
      lines.take(text);
      show();
    };
    const read = async (): Promise<void> => {
      await readLog(`${path}&${from}`, stop.signal, take, () => {
        setError(null);
        setOpened(path);
      });
      lines.end();
      show();
      setEnded(true);
    };
    read().catch(async (failed: unknown) => {
      if (stop.signal.aborted) return;
      const known = failed instanceof ApiError ? failed : new ApiError(0, '', t.logs.broken);
      setError(known);
      if (known.code === 401) {
        await nextLogin();
        if (!stop.signal.aborted) again();
      } else {
        setEnded(true);
      }
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [path, round]);
  const isRefused = error !== null && [403, 404].includes(error.code);
  const goesOn = ended && follows && runs && !isRefused;
  useEffect(() => {
    if (!goesOn) return;
    const timer = setTimeout(again, kRetryMs);
    return () => clearTimeout(timer);
  }, [goesOn, round]);
  return { lines, version, known: opened === path || error !== null, ended: ended && !goesOn && error === null, goesOn, error, again };
}

// `gone`: the pod is as it was last; nothing more comes unless another takes its name.
export function Logs({ pod, gone }: { pod: Pod; gone: boolean }) {
  const names = loggedContainers(pod);
  const [container, setContainer] = useState(names[0] ?? '');
  const [times, setTimes] = useState(false);
  const [previous, setPrevious] = useState(false);
  const [wrap, setWrap] = useState(false);
  const [stick, setStick] = useState(true);
  const [find, setFind] = useState('');
  const query = new URLSearchParams({ container, follow: String(!previous), timestamps: 'true' });
  if (previous) query.set('previous', 'true');
  const path = `${pathOf(kinds.pods, pod.metadata.namespace, pod.metadata.name)}/log?${query}`;
  const runs = !gone && !!statusesOf(pod).find((each) => each.name === container)?.state?.running;
  const { lines, version, known, ended, goesOn, error, again } = useLog(path, !previous, runs);
  const word = find.toLowerCase();
  const shown = useMemo(
    () => (word === '' ? [...lines.all] : lines.all.filter(({ text }) => text.toLowerCase().includes(word))),
    [lines, version, word],
  );
  return (
    <div class="logs">
      <div class="table-tools">
        {names.length > 1 && (
          <select class="input" aria-label={t.logs.container} value={container} onChange={(event) => setContainer(event.currentTarget.value)}>
            {names.map((name) => <option key={name}>{name}</option>)}
          </select>
        )}
        <LogSearch find={find} set={setFind} />
        <LogCheck text={t.logs.follow} on={stick} set={setStick} />
        <LogCheck text={t.logs.wrap} on={wrap} set={setWrap} />
        <LogCheck text={t.logs.times} on={times} set={setTimes} />
        <LogCheck text={t.logs.previous} on={previous} set={setPrevious} />
        <button class="button" onClick={() => saveLines(`${pod.metadata.name}-${container}`, lines.all.map((each) => (times ? `${each.time} ${each.text}` : each.text)))}>{t.logs.download}</button>
        <span class="rows">{t.logs.lines(shown.length)}</span>
      </div>
      {goesOn ? error && error.code !== 0 && <Notice tone="warn">{error.message}</Notice> : <ErrorNotice error={error} />}
      {error && !goesOn && <p class="log-again"><button class="button small" onClick={again}>{t.retry}</button></p>}
      <LineList known={known} shown={shown} find={word} wrap={wrap} stick={stick} onStick={setStick}
                before={times ? (line) => <span class="dim">{line.time} </span> : undefined} />
      <p class="small dim" role="status">
        {lines.dropped > 0 ? t.logs.dropped(lines.dropped) : ''} {ended ? t.logs.ended : goesOn ? t.logs.goesOn : ''}
      </p>
    </div>
  );
}
