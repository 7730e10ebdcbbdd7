// Faults of `skiff chaos`, from the Events that tell of them: when each began and ended, and on what.
import type { EventObj } from '../api/types';
import { timeOf } from './event';

export interface Fault {
  id: string;
  text: string; // "partition of node/a for 30s"
  objects: string[]; // "Node a"
  from: number;
  to: number | null; // null: it goes on.
}

const kStarted = 'ChaosStarted';
const kStopped = 'ChaosStopped';

// Their Events are called OBJECT.FAULT.MOMENT.
function idOf(event: EventObj): string {
  return event.metadata.name.split('.').at(-2) ?? event.metadata.name;
}

const kUnits: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

// In milliseconds, of "netem of pod/web: delay 100ms for 1m30s"; undefined: the text does not say.
function lengthOf(text: string): number | undefined {
  const length = / for ((?:[\d.]+(?:h|ms|m|s))+)$/.exec(text)?.[1];
  if (length === undefined) return undefined;
  return [...length.matchAll(/([\d.]+)(h|ms|m|s)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * kUnits[unit!]!, 0);
}

// The oldest first. One of which only the end was heard is none that can be drawn. Whose end nobody could tell
// (its supervisor was killed, the API was out of reach) is over when its time was up.
export function faultsOf(events: EventObj[], now: number): Fault[] {
  const found = new Map<string, Fault>();
  for (const event of events) {
    if (event.reason !== kStarted) continue;
    const id = idOf(event);
    const object = `${event.involvedObject.kind ?? ''} ${event.involvedObject.name ?? ''}`.trim();
    const fault = found.get(id) ?? { id, text: event.message ?? '', objects: [], from: Date.parse(timeOf(event)), to: null };
    found.set(id, fault);
    fault.objects.push(object);
    fault.from = Math.min(fault.from, Date.parse(timeOf(event)));
  }
  for (const event of events) {
    const fault = event.reason === kStopped ? found.get(idOf(event)) : undefined;
    if (fault) fault.to = Math.max(fault.to ?? 0, Date.parse(timeOf(event)));
  }
  for (const fault of found.values()) {
    const due = fault.from + (lengthOf(fault.text) ?? Infinity);
    if (fault.to === null && due <= now) fault.to = due;
  }
  return [...found.values()].sort((a, b) => a.from - b.from);
}
