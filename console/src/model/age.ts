// How long ago something was, in kubectl's words. A clock of this page moves them on: the server's, by which it
// says when things were, as far as its answers tell. A browser's may be minutes off, and what has just happened
// would be of the future to it, or long over.
import { signal } from '@preact/signals';

const kTickMs = 5_000;
let ahead = 0; // By so many milliseconds the server's clock is ahead of the browser's.
const time = () => Date.now() + ahead;
export const now = signal(time());
const tick = () => void (now.value = time());
setInterval(tick, kTickMs);
// Browsers let timers of a tab that nobody sees wait for a minute and more: who looks again sees ages of now.
if (typeof document !== 'undefined') document.addEventListener('visibilitychange', tick);

// An answer bears the time to the second (Date), of some moment since it was asked for. Where timers are late it moves
// the clock on, too.
export function heardTime(said: string | null, asked: number): void {
  if (time() - now.peek() >= kTickMs) tick();
  const second = Date.parse(said ?? '');
  const least = second - Date.now();
  const most = second + 1_000 - asked;
  // None, or the browser's clock was set meanwhile.
  if (!(least <= most)) return;
  const better = Math.min(Math.max(ahead, least), most);
  if (better === ahead) return;
  ahead = better;
  now.value = time();
}

export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s}s`;
  const m = Math.floor(s / 60);
  if (m < 10) return s % 60 === 0 ? `${m}m` : `${m}m${s % 60}s`;
  if (m < 180) return `${m}m`;
  const h = Math.floor(m / 60);
  if (h < 8) return m % 60 === 0 ? `${h}h` : `${h}h${m % 60}m`;
  if (h < 48) return `${h}h`;
  const d = Math.floor(h / 24);
  if (d < 8) return h % 24 === 0 ? `${d}d` : `${d}d${h % 24}h`;
  return d < 730 ? `${d}d` : `${Math.floor(d / 365)}y`;
}

// "" for what never was.
export function age(time: string | undefined): string {
  return time ? duration(now.value - Date.parse(time)) : '';
}
