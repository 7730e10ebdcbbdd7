// An object as somebody reads and writes it, and what of that text goes to the server.
import { parse, stringify } from 'yaml';

import type { Obj } from '../api/types';
import { t } from '../texts';

type Document = Record<string, unknown>;

// What the server alone writes into metadata: applying it would be refused, or mean nothing.
const kServersOwn = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink', 'deletionTimestamp'];
const kLastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const kTextMax = 2 << 20;

// For eyes: without the record of who manages what, which is longer than the rest.
export function manifestOf(object: Obj): string {
  const copy = structuredClone(object) as unknown as { metadata: Document };
  delete copy.metadata.managedFields;
  return stringify(copy, { lineWidth: 0, aliasDuplicateObjects: false });
}

// Without what changes by itself, to compare what somebody wants with what comes of it.
export function wishOf(object: Obj): string {
  const copy = structuredClone(object) as unknown as Document;
  delete copy.status;
  const metadata = copy.metadata as Document;
  for (const name of kServersOwn) delete metadata[name];
  // kubectl's record of what it applied says nothing that is not here as well; the page keeps none.
  const annotations = metadata.annotations as Document | undefined;
  if (annotations) delete annotations[kLastApplied];
  if (annotations && Object.keys(annotations).length === 0) delete metadata.annotations;
  return stringify(copy, { lineWidth: 0, aliasDuplicateObjects: false, sortMapEntries: true });
}

// What to apply of that text. Throws with what is wrong with it.
export function readManifest(text: string, of: Obj): Obj {
  if (text.length > kTextMax) throw new Error(t.yaml.large);
  let read: unknown;
  try {
    read = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new Error(t.yaml.broken + (error as Error).message);
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new Error(t.yaml.broken + typeof read);
  const object = structuredClone(read) as Document & { metadata?: Document };
  const metadata = object.metadata ?? {};
  const same = object.apiVersion === of.apiVersion && object.kind === of.kind &&
    metadata.name === of.metadata.name && (metadata.namespace ?? '') === (of.metadata.namespace ?? '');
  if (!same) throw new Error(t.yaml.wrongName);
  delete object.status;
  for (const name of kServersOwn) delete metadata[name];
  return object as unknown as Obj;
}
