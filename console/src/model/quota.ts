// How much of each resource of a quota is used.
import type { ResourceQuota } from '../api/types';
import type { Tone } from './pod';
import { bytes, cores, quantity } from './quantity';

export interface QuotaLine {
  what: string; // "requests.cpu"
  used: string;
  hard: string;
  share: number; // 0 to 1 and beyond.
  tone: Tone;
}

const kNearly = 0.8;

// "420300m" of "limits.cpu" as 420.3; counts of objects as they are.
function shown(what: string, amount: string): string {
  if (/(^|\.)cpu$/.test(what)) return cores(quantity(amount));
  return /(^|\.)(memory|storage|ephemeral-storage)$/.test(what) ? bytes(quantity(amount)) : amount;
}

export function quotaLines(quota: ResourceQuota): QuotaLine[] {
  const { hard = {}, used = {} } = quota.status ?? {};
  return Object.entries(hard)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, limit]) => {
      const taken = used[what] ?? '0';
      const most = quantity(limit);
      const part = quantity(taken);
      // Nothing of nothing is full: there can be no more.
      const share = most > 0 ? part / most : 1;
      return { what, used: shown(what, taken), hard: shown(what, limit), share, tone: share >= 1 ? 'bad' : share >= kNearly ? 'warn' : 'good' };
    });
}
