// Server-side apply, as the manager that the user is (model/manager.ts).
import { handover, isOwnConflict } from '../model/manager';
import { ApiError, type Cause, manager, patch, request } from './request';
import type { Obj } from './types';

export interface Applying {
  dryRun?: boolean;
  force?: boolean;
  whole?: boolean; // It is given as a whole, not in part.
  before?: Obj | null; // As it is there, null if it is not; looked up where nobody knows.
}

// Of writes that others of the same object are faster than.
const kTries = 5;

export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 409 && error.causes.some((each) => each.reason === 'FieldManagerConflict');
}

// What others look after of what somebody changed: he knows of himself.
export function othersIn(conflict: ApiError): Cause[] {
  return conflict.causes.filter((each) => !isOwnConflict(each.message ?? '', manager()));
}

// Who applies, over what, once the records are as they have to be for that.
async function begin(path: string, { before, dryRun = false, whole = false }: Applying): Promise<{ as: string; there: Obj | null }> {
  for (let left = kTries; ; left -= 1) {
    // Who may not read it takes nothing over.
    const there = before !== undefined && left === kTries ? before : await request<Obj>(path).catch(() => null);
    const { as, changes } = handover(there?.metadata.managedFields, manager(), { dryRun, whole });
    if (changes.length === 0) return { as, there };
    try {
      return { as, there: await patch<Obj>(path, changes, 'json-patch') };
    } catch (error) {
      // Somebody wrote it meanwhile. Where it cannot be, what is left out stays, as it says, and a conflict is shown.
      const isLate = error instanceof ApiError && (error.code === 409 || error.code === 422);
      if (!isLate || left === 1) return { as: manager(), there };
    }
  }
}

function send(path: string, object: Obj, fieldManager: string, { dryRun, force }: Applying): Promise<Obj> {
  const query = new URLSearchParams({ fieldManager, fieldValidation: 'Strict' });
  if (dryRun) query.set('dryRun', 'All');
  if (force) query.set('force', 'true');
  // JSON is YAML, and says of each value what it is.
  return request<Obj>(`${path}?${query}`, { method: 'PATCH', body: object, type: 'application/apply-patch+yaml' });
}

// Nobody is in his own way: what he wrote by a button is taken over, if it is still what was there as he was refused.
export async function apply(path: string, object: Obj, options: Applying): Promise<Obj> {
  for (let left = kTries, { before } = options; ; left -= 1, before = undefined) {
    const { as, there } = await begin(path, { ...options, before });
    let refused: unknown;
    try {
      return await send(path, object, as, options);
    } catch (error) {
      refused = error;
    }
    if (options.force || !there || !isConflict(refused) || othersIn(refused).length > 0) throw refused;
    const { resourceVersion } = there.metadata;
    try {
      const asSeen = { ...object, metadata: { ...object.metadata, resourceVersion } };
      return await send(path, asSeen, as, { ...options, force: true });
    } catch (error) {
      const isLate = error instanceof ApiError && error.code === 409;
      if (!isLate || left === 1) throw error;
    }
  }
}
