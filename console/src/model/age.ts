// How long ago something was, in kubectl's words. A clock of this page moves them on.
import { signal } from '@preact/signals';

const kTickMs = 5_000;
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), kTickMs);

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
