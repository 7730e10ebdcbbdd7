// Why something has none of the pods that it should make: the API server refused them. As `skiff why` finds it.
import type { Condition, EventObj } from '../api/types';
import { timeOf } from './event';
import { condition } from './pod';

// By its condition, where its kind has one; else by its events: over once something was made after it.
export function refusalOf(conditions: Condition[], events: EventObj[], hasCondition: boolean): string {
  const failure = condition(conditions, 'ReplicaFailure');
  if (hasCondition) return failure?.status === 'True' ? (failure.message ?? '') : '';
  let latest: EventObj | undefined;
  for (const each of events) {
    if (each.reason !== 'SuccessfulCreate' && each.reason !== 'FailedCreate') continue;
    if (!latest || Date.parse(timeOf(each)) >= Date.parse(timeOf(latest))) latest = each;
  }
  return latest?.reason === 'FailedCreate' ? (latest.message ?? '') : '';
}
