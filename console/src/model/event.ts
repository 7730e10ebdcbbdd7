// Events of either API, old and new: when they were last seen, and how often.
import { groupOf, type Kind } from '../api/kinds';
import type { EventObj, Obj } from '../api/types';

export function timeOf(event: EventObj): string {
  return (
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ??
    event.metadata.creationTimestamp
  );
}

// Since the epoch: most events know no more, so that within it they stand in the order of their list.
export function secondOf(event: EventObj): number {
  return Math.floor(Date.parse(timeOf(event)) / 1000);
}

export function countOf(event: EventObj): number {
  return event.series?.count ?? event.count ?? 1;
}

// Of those that tell of its kind and name. The object may be of another group, or one that was there before
// under this name. Kubelets call a Node's name its uid, and have of a mirror that of its file.
export function isAbout(kind: Kind, object: Obj, { involvedObject }: EventObj): boolean {
  const { apiVersion = '', uid = '' } = involvedObject;
  if (apiVersion !== '' && groupOf(apiVersion) !== kind.group) return false;
  const { metadata } = object;
  return uid === '' || [metadata.uid, metadata.name, metadata.annotations?.['kubernetes.io/config.mirror']].includes(uid);
}
