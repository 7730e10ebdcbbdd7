// Claims without a volume, and why; where that is not known, what was last said of each.
import type { Claim, EventObj } from '../api/types';
import { t } from '../texts';

export interface Unbound {
  claim: Claim;
  why: string;
}

export function isUnbound({ status }: Pick<Claim, 'status'>): boolean {
  return status?.phase !== 'Bound';
}

// `events`: the newest first. They are looked at only where some claim has no volume.
export function unboundOf(claims: Claim[], events: EventObj[], whyOf: (claim: Claim) => string = () => ''): Unbound[] {
  const unbound = claims.filter(isUnbound);
  if (unbound.length === 0) return [];
  const said = new Map<string, string>();
  for (const { involvedObject, message } of events) {
    const { kind, uid = '' } = involvedObject;
    if (kind === 'PersistentVolumeClaim' && message && !said.has(uid)) said.set(uid, message);
  }
  return unbound.map((claim) => ({ claim, why: whyOf(claim) || (said.get(claim.metadata.uid) ?? t.overview.claimPending) }));
}

export function isSameUnbound(a: Unbound[], b: Unbound[]): boolean {
  return a.length === b.length && a.every((each, at) => each.claim === b[at]!.claim && each.why === b[at]!.why);
}
