// An object as somebody reads and writes it, and what of that text goes to the server.
import { LineCounter, parse, parseAllDocuments, type ScalarTag, stringify, type Tags } from 'yaml';

import type { Obj } from '../api/types';
import { t } from '../texts';
import { documentAround } from './completion';

type Document = Record<string, unknown>;

// What the server alone writes into metadata: applying it would be refused, or mean nothing.
const kServersOwn = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink', 'deletionTimestamp'];
const kLastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const kTextMax = 2 << 20;

// Texts are read as kubectl reads them, by YAML 1.1: 0400 is octal, yes is true, << merges. Moments, 1:30 and e5
// stay texts there, and 0o400 is a number.
const kTextTags = new Set(['timestamp', 'binary', 'omap', 'pairs', 'set'].map((each) => `tag:yaml.org,2002:${each}`));
const kOctal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int', default: true, test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => parseInt(text.replace(/_|0o/g, ''), 8),
};
const kFloat: ScalarTag = {
  tag: 'tag:yaml.org,2002:float', default: true, test: /^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/,
  resolve: (text) => parseFloat(text.replace(/_/g, '')),
};
const kReading = {
  version: '1.1', maxAliasCount: 100,
  customTags: (tags: Tags): Tags => [
    ...tags.filter((each) => typeof each === 'object' && !kTextTags.has(each.tag) && each.tag !== kFloat.tag && each.format !== 'TIME'),
    kOctal, kFloat,
  ],
} as const;
// What somebody else might read as something else is in quotes.
const kWriting = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false, customTags: (tags: Tags): Tags => [...tags, kOctal] } as const;

// For eyes: without the record of who manages what, which is longer than the rest.
export function manifestOf(object: Obj): string {
  const copy = structuredClone(object) as unknown as { metadata: Document };
  delete copy.metadata.managedFields;
  return stringify(copy, kWriting);
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
  return stringify(copy, { ...kWriting, sortMapEntries: true });
}

// What a parser complains of, and where: below that it draws the line with a mark, for letters of one width.
export function complaintOf(error: unknown): string {
  return (error as Error).message.split('\n')[0]!.replace(/:$/, '');
}

// What to apply of that text. Throws with what is wrong with it.
export function readManifest(text: string, of: Obj): Obj {
  if (text.length > kTextMax) throw new Error(t.yaml.large);
  let read: unknown;
  try {
    read = parse(text, kReading);
  } catch (error) {
    throw new Error(t.yaml.broken + complaintOf(error));
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

export interface Wanted {
  object: Obj;
  line: number; // Of the text, where its document begins.
}

function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// The objects of a text that may hold several, also such as `kubectl get -o yaml` prints: lists, and what the
// server alone writes. Throws with what is wrong with it.
export function readManifests(text: string): Wanted[] {
  if (text.length > kTextMax * 4) throw new Error(t.create.large);
  const lines = new LineCounter();
  const wanted: Wanted[] = [];
  const take = (value: unknown, line: number) => {
    if (value === null || value === undefined) return;
    if (!isObject(value)) throw new Error(t.create.noObject(line));
    if (typeof value.apiVersion !== 'string' || typeof value.kind !== 'string') throw new Error(t.create.noKind(line));
    if (value.kind === 'List' || (value.kind.endsWith('List') && Array.isArray(value.items))) {
      for (const each of Array.isArray(value.items) ? value.items : []) take(each, line);
      return;
    }
    const object = structuredClone(value);
    if (!isObject(object.metadata)) object.metadata = {};
    const metadata = object.metadata as Document;
    if (typeof metadata.name !== 'string' && typeof metadata.generateName !== 'string') throw new Error(t.create.noName(line));
    delete object.status;
    for (const name of kServersOwn) delete metadata[name];
    const annotations = metadata.annotations;
    if (isObject(annotations)) delete annotations[kLastApplied];
    wanted.push({ object: object as unknown as Obj, line });
  };
  for (const document of parseAllDocuments(text, { ...kReading, lineCounter: lines })) {
    const [broken] = document.errors;
    if (broken) throw new Error(t.yaml.broken + complaintOf(broken));
    const at = document.contents?.range?.[0] ?? 0;
    take(document.toJS(kReading), lines.linePos(at).line);
  }
  return wanted;
}

// Which kind the document around that place is of, as far as it is written.
export function kindAround(text: string, cursor: number): { apiVersion: string; kind: string } | null {
  const { from, to } = documentAround(text, cursor);
  const own = text.slice(from, to);
  const apiVersion = /^apiVersion:[ \t]*["']?([\w./-]+)/m.exec(own)?.[1];
  const kind = /^kind:[ \t]*["']?(\w+)/m.exec(own)?.[1];
  return apiVersion && kind ? { apiVersion, kind } : null;
}
