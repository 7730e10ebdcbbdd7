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

// The oldest first. One of which only the end was heard is none that can be drawn.
export function faultsOf(events: EventObj[]): Fault[] {
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
  return [...found.values()].sort((a, b) => a.from - b.from);
}
