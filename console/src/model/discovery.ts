// What discovery says of kinds, and what a table of the server's has of objects of one.
import type { Kind } from '../api/kinds';

interface Resource {
  resource: string;
  responseKind?: { kind?: string };
  scope?: string;
  verbs?: string[];
  shortNames?: string[];
}

export interface Document {
  items?: {
    metadata?: { name?: string };
    versions?: { version: string; freshness?: string; resources?: Resource[] }[];
  }[];
}

export interface Offered {
  name: string; // In addresses: PLURAL, or PLURAL.GROUP where another group may have the same.
  kind: Kind;
  short: string[];
  follows: boolean; // It can be watched.
}

// They become parts of addresses as they are. Groups of others say what their servers please.
const kPart = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

// As one looks a name up, whatever is written large in it.
function byName(a: Offered, b: Offered): number {
  const [one, other] = [a, b].map((each) => each.kind.kind.toLowerCase());
  return one! < other! ? -1 : one! > other! ? 1 : a.name < b.name ? -1 : 1;
}

// In groups whose server does not answer the kinds are those of its last answer, or none.
export function kindsOf(documents: Document[], known: (plural: string) => Kind | undefined): Offered[] {
  const found: Offered[] = [];
  for (const { metadata, versions } of documents.flatMap((each) => each.items ?? [])) {
    const group = metadata?.name ?? '';
    const seen = new Set<string>();
    // The version that the server prefers comes first; some kinds are of a later one alone.
    for (const { version, resources } of versions ?? []) {
      for (const { resource, responseKind, scope, verbs = [], shortNames } of resources ?? []) {
        if (seen.has(resource) || !verbs.includes('list')) continue;
        if (![group || 'core', version, resource].every((each) => kPart.test(each))) continue;
        seen.add(resource);
        const mine = known(resource);
        const kind = mine && mine.group === group ? mine
          : { group, version, plural: resource, kind: responseKind?.kind ?? resource, namespaced: scope === 'Namespaced' };
        const name = kind === mine || group === '' ? resource : `${resource}.${group}`;
        found.push({ name, kind, short: shortNames ?? [], follows: verbs.includes('watch') });
      }
    }
  }
  return found.sort(byName);
}

export interface TableColumn {
  name: string;
  type?: string;
  format?: string;
  description?: string;
  priority?: number;
}

export type Cell = string | number | boolean | null | undefined | object;

export function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

export interface ShownColumn {
  at: number; // Which cell of a row.
  title: string;
  about: string;
  isNumber: boolean;
  isAge: boolean; // The server's is of when it was sent, and would grow old.
}

// The name stands in front anyway. What only a wide terminal shows is left out.
export function shownColumns(columns: TableColumn[]): ShownColumn[] {
  return columns.flatMap((column, at) => {
    const isName = column.format === 'name' || (at === 0 && column.name === 'Name');
    if (isName || (column.priority ?? 0) > 0) return [];
    return [{
      at, title: column.name, about: column.description ?? '',
      isNumber: column.type === 'integer' || column.type === 'number', isAge: column.name === 'Age',
    }];
  });
}
