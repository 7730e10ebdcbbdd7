// What the containers of a pod say, as they say it.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds, pathOf } from '../api/kinds';
import { ApiError } from '../api/request';
import { readLog } from '../api/log';
import { nextLogin } from '../api/session';
import type { Pod } from '../api/types';
import { Lines } from '../model/lines';
import { loggedContainers } from '../model/pod';
import { t } from '../texts';
import { kTail, LineList, LogCheck, LogSearch, saveLines } from '../ui/loglines';
import { ErrorNotice } from '../ui/parts';

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
      await readLog(path, stop.signal, (text) => {
        mine.take(text);
        show();
      });
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

export function Logs({ pod }: { pod: Pod }) {
  const names = loggedContainers(pod);
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
        <button class="button" onClick={() => saveLines(`${pod.metadata.name}-${container}`, lines.all.map((each) => each.text))}>{t.logs.download}</button>
        <span class="rows">{t.logs.lines(shown.length)}</span>
      </div>
      <ErrorNotice error={error} />
      {error && <p><button class="button small" onClick={again}>{t.retry}</button></p>}
      <LineList shown={shown} find={word} wrap={wrap} stick={stick} onStick={setStick} />
      <p class="small dim" role="status">
        {lines.dropped > 0 ? t.logs.dropped(lines.dropped) : ''} {ended ? t.logs.ended : ''}
      </p>
      {ended && !previous && <p><button class="button small" onClick={again}>{t.logs.again}</button></p>}
    </div>
  );
}
