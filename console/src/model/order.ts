// Lists in order that change here and there: what changed is found by halving, and the rest stays as it is.
import type { EventObj, Obj } from '../api/types';
import { timeOf } from './event';

// Never 0 for two different objects.
export type Order<T> = (a: T, b: T) => number;

export interface Change<T> {
  before: T | undefined; // As the list has it; undefined: it does not.
  after: T | undefined;
}

// The same objects in the same order.
export function isSame<T>(a: T[], b: T[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at]);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function byName(a: Obj, b: Obj): number {
  const [left, right] = [a.metadata, b.metadata];
  return byText(left.namespace ?? '', right.namespace ?? '') || byText(left.name, right.name) || byText(left.uid, right.uid);
}

// As the API compares them: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
function byVersion(a: string, b: string): number {
  return a.length - b.length || byText(a, b);
}

const kToSeconds = '2026-01-02T03:04:05'.length;

// Times of one form sort as text, which spares reading thousands of them. Most events know the second alone
// that they are of: within it they stand as they were written.
export function newestFirst(a: EventObj, b: EventObj): number {
  const [left, right] = [a.metadata, b.metadata];
  return (
    byText(timeOf(b).slice(0, kToSeconds), timeOf(a).slice(0, kToSeconds)) ||
    byVersion(right.resourceVersion, left.resourceVersion) ||
    byText(left.uid, right.uid)
  );
}

// Where it is in the list, or would be.
function placeOf<T>(list: T[], wanted: T, order: Order<T>): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(list[middle]!, wanted) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

// A list of its own: who has the old one may keep it.
export function withChanges<T>(list: T[], changes: Iterable<Change<T>>, order: Order<T>): T[] {
  const next = [...list];
  const gone = new Set<number>();
  const come: { at: number; item: T }[] = [];
  for (const { before, after } of changes) {
    const at = before === undefined ? -1 : placeOf(list, before, order);
    if (before !== undefined && after !== undefined && order(before, after) === 0) {
      next[at] = after;
      continue;
    }
    if (at >= 0) gone.add(at);
    if (after !== undefined) come.push({ at: placeOf(list, after, order), item: after });
  }
  if (gone.size === 0 && come.length === 0) return next;
  come.sort((a, b) => order(a.item, b.item));
  const moved: T[] = [];
  let first = 0;
  for (let at = 0; at < next.length; at += 1) {
    while (first < come.length && come[first]!.at <= at) moved.push(come[first++]!.item);
    if (!gone.has(at)) moved.push(next[at]!);
  }
  for (; first < come.length; first += 1) moved.push(come[first]!.item);
  return moved;
}
