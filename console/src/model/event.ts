// Events of either API, old and new, by when they were last seen.
import type { EventObj } from '../api/types';

export function timeOf(event: EventObj): string {
  return (
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ??
    event.metadata.creationTimestamp
  );
}

export function countOf(event: EventObj): number {
  return event.series?.count ?? event.count ?? 1;
}

export function latestFirst(events: EventObj[]): EventObj[] {
  return events
    .map((event) => ({ event, time: Date.parse(timeOf(event)) }))
    .sort((a, b) => b.time - a.time)
    .map((each) => each.event);
}
