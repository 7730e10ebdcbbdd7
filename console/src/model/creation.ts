// What becomes of the objects of a text that somebody wants to have: which of them can be tried now, and
// which only once others of the same text are there.
import { groupOf, type Kind } from '../api/kinds';
import type { Obj } from '../api/types';
import type { Offered } from './discovery';
import type { Wanted } from './manifest';

export function groupVersionOf(apiVersion: string): { group: string; version: string } {
  return { group: groupOf(apiVersion), version: apiVersion.split('/')[1] ?? apiVersion };
}

// In the version that the text says: the server may prefer another one.
export function kindFor(offered: Offered[], object: Pick<Obj, 'apiVersion' | 'kind'>): Kind | undefined {
  const { group, version } = groupVersionOf(object.apiVersion ?? '');
  const found = offered.find((each) => each.kind.group === group && each.kind.kind === object.kind)?.kind;
  return found && (found.version === version ? found : { ...found, version });
}

// What is to be said of an object: before it is applied, and afterwards.
export type State = 'makes' | 'changes' | 'same' | 'hidden' | 'later' | 'conflict' | 'wrong' | 'made' | 'changed';

// Whether there is one already. Who may not read it may still write it, and is told of neither.
export type There = 'yes' | 'no' | 'unknown';

// `changes`: whether the server's answer differs from what is there.
export function stateBefore(there: There, changes: boolean): State {
  if (there === 'unknown') return 'hidden';
  return there === 'no' ? 'makes' : changes ? 'changes' : 'same';
}

// Only what was not there before is new.
export function stateAfter(there: There): State {
  return there === 'no' ? 'made' : 'changed';
}

// Where it is written: where it says, else where the others of its text are: in `default`, where nothing says it.
export function spaceOf(kind: Kind, object: Obj, fallback: string): string {
  return kind.namespaced ? object.metadata.namespace || fallback || 'default' : '';
}

interface Definition {
  spec?: { group?: string; names?: { kind?: string } };
}

// Whether the text itself makes the kind, or the namespace, that this object needs.
export function madeByText(all: Wanted[], object: Obj, space: string): boolean {
  const { group } = groupVersionOf(object.apiVersion ?? '');
  return all.some(({ object: other }) => {
    if (other === object) return false;
    if (other.kind === 'Namespace') return other.metadata.name === space;
    const { spec } = other as Obj & Definition;
    return other.kind === 'CustomResourceDefinition' && spec?.group === group && spec?.names?.kind === object.kind;
  });
}

// Namespaces and definitions first: what needs them stands often before them.
export function inOrder(all: Wanted[]): Wanted[] {
  const rank = ({ object }: Wanted) => (object.kind === 'Namespace' ? 0 : object.kind === 'CustomResourceDefinition' ? 1 : 2);
  return [...all].sort((a, b) => rank(a) - rank(b));
}
