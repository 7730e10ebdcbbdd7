// Why a claim has no volume: the first sentence of `skiff why` (cli/why/claim.cc), without the claim's name.
import type { Claim, EventObj, Obj, PersistentVolume, Pod, Selector, StorageClass } from '../api/types';
import { t } from '../texts';
import { holds } from './obstacles';
import { amountText, unitsOf } from './quantity';
import { matches } from './rollout';

// null: may not be seen. `reasons`: what events say of it.
export interface ClaimFacts {
  classes: StorageClass[] | null;
  volumes: PersistentVolume[] | null;
  drivers: Obj[] | null; // CSIDrivers.
  users: string[];
  reasons: Set<string>;
}

const kNoProvisioner = 'kubernetes.io/no-provisioner';
const kSelectedNode = 'volume.kubernetes.io/selected-node';
const kNamesMax = 3;

function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Record<string, string> = {}): boolean {
  return matches(labels, matchLabels) && matchExpressions.every((each) => holds(each, labels));
}

function sizeOf(amounts: Record<string, string> | undefined): number {
  return unitsOf('memory', amounts?.storage);
}

// What of a volume does not suit the claim, and by how many bytes it is too small.
function misfitOf(claim: Claim, { metadata, spec, status }: PersistentVolume): { text: string; short: number } {
  const because = (text: string, short = 0) => ({ text, short });
  const { claimRef: holder, accessModes: offered = [] } = spec;
  const { name, namespace = '', uid } = claim.metadata;
  if (holder && (holder.name !== name || holder.namespace !== namespace)) {
    return because(t.claims.taken(status?.phase === 'Released', `${holder.namespace}/${holder.name}`));
  }
  if (holder?.uid && holder.uid !== uid) return because(t.claims.deleted);
  const mode = claim.spec.accessModes?.find((each) => !offered.includes(each));
  if (mode) return because(t.claims.mode(mode, offered.join(', ')));
  const volumeMode = spec.volumeMode || 'Filesystem';
  if (volumeMode !== (claim.spec.volumeMode || 'Filesystem')) return because(t.claims.volumeMode(volumeMode));
  if (claim.spec.selector && !selects(claim.spec.selector, metadata.labels)) return because(t.claims.labels);
  const [wanted, size] = [sizeOf(claim.spec.resources?.requests), sizeOf(spec.capacity)];
  if (size >= wanted) return because('');
  const text = (bytes: number) => amountText('memory', bytes);
  return because(t.claims.small(text(size), text(wanted), text(wanted - size)), wanted - size);
}

function isOfClass(claim: Claim, volume: PersistentVolume): boolean {
  return (volume.spec.storageClassName ?? '') === (claim.spec.storageClassName ?? '');
}

// Of the volumes that would be too small alone the largest; of one that is there alone what is wrong with it.
function nearestTo(claim: Claim, volumes: PersistentVolume[] | null): string {
  const misfits = (volumes ?? []).filter((each) => isOfClass(claim, each))
    .map((each) => ({ name: each.metadata.name, ...misfitOf(claim, each) }));
  const near = misfits.filter((each) => each.short > 0).sort((a, b) => a.short - b.short)[0];
  if (near) return t.claims.nearest(near.name, amountText('memory', near.short));
  const [first] = misfits;
  return misfits.length === 1 && first!.text !== '' ? t.claims.onlyOne(first!.name, first!.text) : '';
}

// A class need not exist for volumes that are made by hand to be of it: where there are some, none of them fits.
function classMissingText(claim: Claim, name: string, volumes: PersistentVolume[] | null): string {
  const own = (volumes ?? []).filter((each) => isOfClass(claim, each));
  const fitting = own.some((each) => fits(claim, each));
  const text = own.length === 0 ? t.claims.noSuchClass(name) : fitting ? t.claims.unbound(name) : t.claims.unfitted(name);
  return text + nearestTo(claim, volumes);
}

function namedText(claim: Claim, name: string, volumes: PersistentVolume[]): string {
  const volume = volumes.find((each) => each.metadata.name === name);
  if (!volume) return t.claims.named(name, t.claims.none);
  const isOther = !isOfClass(claim, volume);
  return t.claims.named(name, misfitOf(claim, volume).text || (isOther ? t.claims.otherClass : t.claims.notYet));
}

// Of its class, which takes only volumes that are there; which of these suit it.
function fits(claim: Claim, volume: PersistentVolume): boolean {
  return volume.spec.storageClassName === claim.spec.storageClassName && misfitOf(claim, volume).text === '';
}

// Somebody is to make a volume, and has not. One who is asked by an event, and has neither a driver here nor begun,
// may not be there at all.
function provisioningText(who: string, drivers: Obj[] | null, reasons: Set<string>): string {
  const failed = reasons.has('ProvisioningFailed');
  const isAbsent = drivers !== null && !drivers.some((each) => each.metadata.name === who) && !reasons.has('Provisioning');
  return !failed && isAbsent && reasons.has('ExternalProvisioning') ? t.claims.silent(who) : t.claims.provisioning(who, failed);
}

// '': nothing is known beyond what events say.
export function claimWhy(claim: Claim, { classes, volumes, drivers, users, reasons }: ClaimFacts): string {
  const { storageClassName: name = '', volumeName } = claim.spec;
  if (claim.metadata.deletionTimestamp || claim.status?.phase === 'Lost') return '';
  if (volumeName && volumes) return namedText(claim, volumeName, volumes);
  if (name === '') return t.claims.classless(claim.spec.storageClassName !== undefined) + nearestTo(claim, volumes);
  if (classes === null) return '';
  const of = classes.find((each) => each.metadata.name === name);
  if (!of) return classMissingText(claim, name, volumes);
  const delayed = of.volumeBindingMode === 'WaitForFirstConsumer' && !claim.metadata.annotations?.[kSelectedNode] && !reasons.has('ProvisioningFailed');
  // Its pod has no node as there is no volume: it does not wait for the pod.
  const isLack = users.length > 0 && of.provisioner === kNoProvisioner && volumes !== null && !volumes.some((each) => fits(claim, each));
  if (delayed && !isLack) {
    const shown = users.length > kNamesMax + 1 ? t.claims.more(users.slice(0, kNamesMax).join(', '), users.length - kNamesMax) : users.join(', ');
    return t.claims.delayed(users.length, shown);
  }
  if (of.provisioner && of.provisioner !== kNoProvisioner) return provisioningText(of.provisioner, drivers, reasons);
  return t.claims.unfitted(name) + nearestTo(claim, volumes);
}

const users = new WeakMap<Pod[], Map<string, string[]>>();

function usersIn(pods: Pod[]): Map<string, string[]> {
  const known = users.get(pods);
  if (known) return known;
  const made = new Map<string, string[]>();
  for (const { metadata: { name, namespace }, spec } of pods) {
    // Who has a claim as two of his volumes uses it once.
    const claims = new Set((spec.volumes ?? []).map((volume) =>
      volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${name}-${volume.name}` : '')));
    claims.delete('');
    for (const claim of claims) {
      const key = `${namespace}/${claim}`;
      made.set(key, [...(made.get(key) ?? []), name]);
    }
  }
  users.set(pods, made);
  return made;
}

// The pods that use a claim, by itself or as it was made for them.
export function usersOf({ metadata }: Claim, pods: Pod[]): string[] {
  return usersIn(pods).get(`${metadata.namespace}/${metadata.name}`) ?? [];
}

export function reasonsOf(claim: Claim, events: EventObj[]): Set<string> {
  return new Set(events.filter((each) => each.involvedObject.uid === claim.metadata.uid).map((each) => each.reason ?? ''));
}
