// As whom somebody's changes are recorded in metadata.managedFields. Each user is a manager of his own: what two of
// them apply conflicts, as it does between any other two.

// What all were once, in objects that were applied then.
export const kShared = 'skiff-console';

// Of what Kubernetes takes as a name of a manager: as many bytes, of letters that can be printed.
const kBytesMax = 128;
const kUnprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

// FNV-1a, as eight digits.
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

// A name that does not fit is cut, and told from others that begin alike.
export function managerOf(user: string): string {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  const name = `${kShared}:${user}`;
  let printed = name.replace(kUnprintable, '?');
  if (printed === name && bytes(name) <= kBytesMax) return name;
  const mark = `#${digest(user)}`;
  const letters = [...printed];
  while (bytes(printed) + mark.length > kBytesMax) {
    letters.pop();
    printed = letters.join('');
  }
  return printed + mark;
}

// FieldsV1: "f:", "k:" and "v:" members down to {}; "." where what has members is meant itself, too.
interface Fields {
  [name: string]: Fields;
}

interface Entry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  subresource?: string;
  fieldsV1?: Fields;
}

type Change = { op: 'test' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string };

function union(some: Fields, others: Fields): Fields {
  const both = { ...some };
  for (const [name, fields] of Object.entries(others)) {
    const mine = both[name];
    if (mine === undefined) both[name] = fields;
    else if (isLeaf(mine) !== isLeaf(fields)) both[name] = { '.': {}, ...mine, ...fields };
    else both[name] = union(mine, fields);
  }
  return both;
}

function isLeaf(fields: Fields): boolean {
  return Object.keys(fields).length === 0;
}

export interface Handover {
  as: string; // Who applies.
  changes: Change[]; // Of the records, a JSON patch, before he does.
}

// Whom somebody applies as, and what of the records of who wrote what becomes one entry of that name before: what he
// applied himself, and what was applied under the shared name. Then what he leaves out of it goes, and nothing of it
// is in his way. `whole`: he gives the object as a whole, so that what was written by buttons is his text's as well;
// of a part of it that would go unasked.
// A dry run hands nothing of the shared name to who has no record of his own: he may leave it at that. It tries as
// that name, which comes to the same.
export function handover(records: unknown[] | undefined, mine: string, options: { dryRun: boolean; whole: boolean }): Handover {
  const entries = (records ?? []) as Entry[];
  const isTaken = ({ manager, operation, subresource = '' }: Entry) =>
    (manager === mine || manager === kShared) &&
    (operation === 'Apply' ? subresource === '' : options.whole && (subresource === '' || subresource === 'scale'));
  const taken = entries.flatMap((each, at) => (isTaken(each) ? [at] : []));
  if (taken.length === 0) return { as: mine, changes: [] };
  const as = options.dryRun && taken.every((at) => entries[at]!.manager === kShared) ? kShared : mine;
  const applied = taken.filter((at) => entries[at]!.operation === 'Apply');
  const into = applied.find((at) => entries[at]!.manager === as) ?? applied[0] ?? taken[0]!;
  const target = entries[into]!;
  if (taken.length === 1 && target.manager === as && target.operation === 'Apply') return { as, changes: [] };
  // What another version calls its fields says nothing in this one.
  const fields = taken.map((at) => entries[at]!).filter((each) => each.apiVersion === target.apiVersion)
    .reduce((sum, each) => union(sum, each.fieldsV1 ?? {}), {} as Fields);
  const { subresource: _, ...rest } = target;
  const path = (at: number) => `/metadata/managedFields/${at}`;
  const changes: Change[] = taken.map((at) => ({ op: 'test', path: path(at), value: entries[at] }));
  changes.push({ op: 'replace', path: path(into), value: { ...rest, manager: as, operation: 'Apply', fieldsV1: fields } });
  // From the last on, so that the others stay where they are.
  for (const at of taken.reverse()) if (at !== into) changes.push({ op: 'remove', path: path(at) });
  return { as, changes };
}

// Whether a server's words of a conflict name him, or nobody in particular.
export function isOwnConflict(words: string, mine: string): boolean {
  return [mine, kShared].some((name) => words === `conflict with ${JSON.stringify(name)}` || words.startsWith(`conflict with ${JSON.stringify(name)} `));
}
