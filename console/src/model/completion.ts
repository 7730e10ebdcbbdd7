// What may stand where somebody types in the YAML of an object, by the OpenAPI schema of its kind.

export interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  description?: string;
  enum?: string[];
  default?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  required?: string[];
}
export type Schemas = Record<string, Schema>;

// Where in a text the cursor is.
export interface Spot {
  path: string[]; // Of the mapping that it stands in; '[]' for an item of a list.
  field: string; // Whose value is typed; '': a field's name is.
  typed: string;
  from: number; // Where what is typed begins.
  present: Set<string>; // The fields that this mapping has already.
}

export interface Suggestion {
  text: string; // What is shown,
  insert: string; // and what is put in.
  type: string;
  about: string;
}

const kShownMax = 60;
const kRef = '#/components/schemas/';

interface Parsed {
  indent: number; // Of the key, behind its dashes.
  dashes: number[]; // Where they stand.
  key: string | null;
  value: string;
  valueAt: number;
}

function parseLine(line: string): Parsed | null {
  if (/^\s*(#|$)/.test(line)) return null;
  const dashes: number[] = [];
  let at = /^ */.exec(line)![0].length;
  while (line[at] === '-' && (line[at + 1] === ' ' || at + 1 === line.length)) {
    dashes.push(at);
    at += 1 + /^ */.exec(line.slice(at + 1))![0].length;
  }
  const rest = line.slice(at);
  const key = /^(?:"([^"]*)"|'([^']*)'|([^\s:#"'[\]{},][^:#]*?))\s*:(?=\s|$)/.exec(rest);
  if (!key) return { indent: at, dashes, key: null, value: rest, valueAt: at };
  const after = rest.slice(key[0].length);
  const gap = /^ */.exec(after)![0].length;
  return { indent: at, dashes, key: key[1] ?? key[2] ?? key[3]!, value: after.slice(gap), valueAt: at + key[0].length + gap };
}

// From where to where the document around that place is, of those that lines of dashes part.
export function documentAround(text: string, cursor: number): { from: number; to: number } {
  let [from, to] = [0, text.length];
  for (const { index, 0: line } of text.matchAll(/^---.*$/gm)) {
    const end = Math.min(text.length, index + line.length + 1);
    if (index < cursor) from = end;
    else {
      to = index;
      break;
    }
  }
  return { from: Math.min(from, cursor), to };
}

// null: in a comment, or where nothing can be said.
export function spotOf(text: string, cursor: number): Spot | null {
  const start = text.lastIndexOf('\n', cursor - 1) + 1;
  const line = text.slice(start, cursor);
  if (/(^|\s)#/.test(line)) return null;
  const lines = text.slice(0, start).split('\n').slice(0, -1).map(parseLine);
  const here = parseLine(line) ?? { indent: line.length, dashes: [], key: null, value: '', valueAt: line.length };
  // Upwards, to what this line stands below.
  const path: string[] = [];
  let indent = here.indent;
  let dashes = [...here.dashes];
  const climb = () => {
    // The dashes of one line: each opens an item of a list.
    for (const dash of dashes.reverse()) {
      path.unshift('[]');
      indent = dash;
    }
    dashes = [];
  };
  climb();
  let inItem = here.dashes.length > 0;
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const above = lines[at];
    if (!above) continue;
    const outer = above.dashes[0] ?? above.indent;
    // The item that this mapping is in began on an earlier line.
    if (above.dashes.length > 0 && above.indent === indent && !inItem) {
      dashes = [...above.dashes];
      climb();
      inItem = true;
      continue;
    }
    const isParent = above.key !== null && above.value === '' && above.indent < indent;
    // A list may stand as far left as the key that it is the value of.
    const isListParent = above.key !== null && above.value === '' && above.indent === indent && inItem && above.dashes.length === 0;
    if (isParent || isListParent) {
      path.unshift(above.key!);
      indent = above.indent;
      dashes = [...above.dashes];
      inItem = dashes.length > 0;
      climb();
    } else if (outer < indent && above.key === null) {
      return null; // In a text of several lines, or what is no YAML.
    }
    if (indent === 0 && !inItem) break;
  }
  const typed = here.key === null ? here.value : here.value;
  const from = start + here.valueAt;
  if (/[[\]{}"'|>&*!]/.test(typed)) return null;
  const present = here.key === null ? presentIn(text, start, here) : new Set<string>();
  return { path, field: here.key ?? '', typed, from, present };
}

// The other fields of the mapping that the line at `start` is in.
function presentIn(text: string, start: number, here: Parsed): Set<string> {
  const all = text.split('\n').map(parseLine);
  const mine = text.slice(0, start).split('\n').length - 1;
  const found = new Set<string>();
  const look = (step: number, from: number, stopsAtDash: boolean) => {
    for (let at = from; at >= 0 && at < all.length; at += step) {
      const each = all[at];
      if (!each) continue;
      if (each.indent < here.indent || (each.dashes[0] ?? Infinity) < here.indent) {
        // The first line of an item has its dash, and still is of it.
        if (step < 0 && each.indent === here.indent && each.key !== null) found.add(each.key);
        return;
      }
      if (each.indent === here.indent && each.key !== null) found.add(each.key);
      if (stopsAtDash && each.dashes.length > 0 && each.indent === here.indent) return;
    }
  };
  if (here.dashes.length === 0) look(-1, mine - 1, true);
  look(1, mine + 1, false);
  return found;
}

export function resolve(schemas: Schemas, schema: Schema | undefined): Schema | undefined {
  let found = schema;
  for (let depth = 0; found && depth < 8; depth += 1) {
    const ref = found.$ref ?? (found.allOf?.length === 1 ? found.allOf[0]!.$ref : undefined);
    if (!ref) return found;
    // What stands beside a reference is of this field.
    const { description, default: preset } = found;
    const target: Schema | undefined = schemas[ref.slice(kRef.length)];
    found = target && { ...target, description: description || target.description, default: preset ?? target.default };
  }
  return found;
}

export function schemaAt(schemas: Schemas, root: Schema, path: string[]): Schema | undefined {
  let at = resolve(schemas, root);
  for (const step of path) {
    if (!at) return undefined;
    if (step === '[]') at = resolve(schemas, at.items);
    else {
      const free = typeof at.additionalProperties === 'object' ? at.additionalProperties : undefined;
      at = resolve(schemas, at.properties?.[step] ?? free);
    }
  }
  return at;
}

function typeText(schemas: Schemas, schema: Schema): string {
  const found = resolve(schemas, schema);
  if (found?.type === 'array') return `[]${typeText(schemas, found.items ?? {})}`;
  return found?.type ?? 'object';
}

// What follows the name of a field of that type, so that one can go on typing.
function ending(type: string): string {
  return type.startsWith('[]') || type === 'object' ? ':' : ': ';
}

export function suggest(schemas: Schemas, root: Schema, spot: Spot): Suggestion[] {
  const at = schemaAt(schemas, root, spot.path);
  const word = spot.typed.toLowerCase();
  if (spot.field !== '') {
    const field = resolve(schemas, at?.properties?.[spot.field]);
    const values = field?.enum ?? (field?.type === 'boolean' ? ['true', 'false'] : []);
    return values
      .filter((each) => each.toLowerCase().startsWith(word) && each !== spot.typed)
      .map((each) => ({ text: each, insert: each, type: field?.default === each ? 'default' : '', about: field?.description ?? '' }));
  }
  const required = new Set(at?.required ?? []);
  return Object.entries(at?.properties ?? {})
    .filter(([name]) => name.toLowerCase().includes(word) && !spot.present.has(name))
    .map(([name, schema]) => {
      const type = typeText(schemas, schema);
      return { text: name, insert: name + ending(type), type, about: resolve(schemas, schema)?.description ?? '' };
    })
    // What begins with it, then what is needed, then by name.
    .sort((a, b) => rank(a.text, word, required) - rank(b.text, word, required) || (a.text < b.text ? -1 : 1))
    .slice(0, kShownMax);
}

function rank(name: string, word: string, required: Set<string>): number {
  return (name.toLowerCase().startsWith(word) ? 0 : 2) + (required.has(name) ? 0 : 1);
}
