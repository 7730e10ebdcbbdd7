import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { afterPicture } from '../api/turn';

// The value as of the last frame: who makes something of it does so in a frame of its own, and not in
// that of who made it. The newest is taken, however often there is another. `atOnce`: without that.
// `restMs`: for so long it stays.
export function useNextFrame<T>(value: T, atOnce: boolean, restMs = 0): T {
  const shown = useRef(value);
  const newest = useRef(value);
  const awaited = useRef(false);
  const gone = useRef(false);
  const [, render] = useState(0);
  newest.current = value;
  // Where nobody looks there are no frames, and what was shown would be held as long.
  if (atOnce || document.hidden) shown.current = value;
  useLayoutEffect(() => {
    if (shown.current === newest.current || awaited.current) return;
    awaited.current = true;
    const show = () => {
      awaited.current = false;
      if (gone.current) return;
      shown.current = newest.current;
      render((count) => count + 1);
    };
    if (restMs > 0) setTimeout(() => afterPicture(show), restMs);
    else afterPicture(show);
  });
  useLayoutEffect(() => () => void (gone.current = true), []);
  return shown.current;
}
