// Events of either API, old and new: when they were last seen, and how often.
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
