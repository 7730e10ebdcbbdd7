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

interface Entry {
  manager?: string;
  operation?: string;
  subresource?: string;
}

// Which of an object's entries is what was applied under the shared name, if it has to become this manager's; -1: none.
export function sharedEntry(fields: unknown[] | undefined, manager: string): number {
  const applied = (each: unknown, name: string) => {
    const entry = each as Entry;
    return entry.manager === name && entry.operation === 'Apply' && !entry.subresource;
  };
  if (fields?.some((each) => applied(each, manager))) return -1;
  return fields?.findIndex((each) => applied(each, kShared)) ?? -1;
}
