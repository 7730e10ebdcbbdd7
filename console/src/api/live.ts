// Collections that follow the server. Those who look at the same one share a watch, which ends some
// time after the last of them left.
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';

import type { TableColumn } from '../model/discovery';
import { byName, type Change, newestFirst, type Order, withChanges } from '../model/order';
import { type Kind, kinds, pathOf } from './kinds';
import type { ApiError } from './request';
import { session } from './session';
import { afterPicture } from './turn';
import type { Obj } from './types';
import { type Sink, Watch, type WatchState } from './watch';

// So that somebody who goes back and forth between views does not fetch everything again.
const kLingerMs = 20_000;
const kHiddenMs = 1_000;
// What counts thousands is sorted and counted anew a few times a second, and not in every frame.
const kMany = 1_000;
const kManyMs = 200;

// What nobody looks at here, and what is most of many objects.
export function slim<T extends Obj>(object: T): T {
  // Taken out of it by `delete`, everything else of it would be slow to read.
  object.metadata.managedFields = undefined;
  const annotations = object.metadata.annotations;
  if (annotations) delete annotations['kubectl.kubernetes.io/last-applied-configuration'];
  return object;
}

const changed = new Set<Live<Obj>>();
let scheduled = false;
let since = 0; // When it was.

// Whatever comes between two pictures is shown by the next one; of several collections one a picture, so
// that none of them has to wait for all.
function flush(): void {
  if (document.hidden) return flushAll();
  const [next] = changed;
  if (next !== undefined) {
    changed.delete(next);
    next.publish();
  }
  scheduled = changed.size > 0;
  if (scheduled) afterPicture(flush);
}

// Where nobody looks there is no picture that could be late, and each collection that waits holds what was
// there before beside what is there now.
function flushAll(): void {
  scheduled = false;
  const all = [...changed];
  changed.clear();
  for (const each of all) each.publish();
}

// A picture that was awaited when the tab was hidden does not come: old and new would be held as long.
document.addEventListener('visibilitychange', () => {
  if (document.hidden && scheduled) setTimeout(flush, kHiddenMs);
});

function schedule(count: number): void {
  // Browsers let timers of a tab that is hidden for long wait for a minute, but not what comes from the server.
  const isLate = document.hidden && performance.now() - since > kHiddenMs;
  if (scheduled) return isLate ? flushAll() : undefined;
  scheduled = true;
  since = performance.now();
  if (document.hidden) setTimeout(flush, kHiddenMs);
  else if (count > kMany) setTimeout(() => afterPicture(flush), kManyMs);
  else requestAnimationFrame(flush);
}

export class Live<T extends Obj> implements Sink {
  readonly status = signal<WatchState>('loading');
  readonly error = signal<ApiError | null>(null);
  readonly titles = signal<TableColumn[]>([]); // Where it is followed as the server's table.
  private readonly version = signal(0);
  private readonly objects = new Map<string, T>();
  private listed: { version: number; list: T[] } = { version: -1, list: [] };
  // What has changed since, by uid; null: everything.
  private changes: Map<string, Change<T>> | null = null;
  private watch: Watch | null = null;
  private users = 0;
  private timer = 0;

  constructor(
    private readonly path: string,
    private readonly query: Record<string, string>,
    private readonly order: Order<Obj>,
    private readonly asTable: boolean,
    private readonly key: string,
  ) {
    this.linger(); // Who asked for it may be gone before he begins to look.
  }

  // By namespace and name, events the newest first. Whoever calls this while rendering is rendered again
  // after changes. Many objects of which few have changed are not sorted again.
  get list(): T[] {
    const version = this.version.value;
    if (this.listed.version !== version) {
      const old = this.listed.list;
      const list = this.changes === null ? [...this.objects.values()].sort(this.order)
        : this.changes.size === 0 ? old : withChanges(old, this.changes.values(), this.order);
      this.listed = { version, list };
      this.changes = new Map();
    }
    return this.listed.list;
  }

  get loaded(): boolean {
    return this.version.value > 0;
  }

  find(namespace: string, name: string): T | undefined {
    return this.list.find(
      (each) => each.metadata.name === name && (each.metadata.namespace ?? '') === namespace,
    );
  }

  use(): () => void {
    clearTimeout(this.timer);
    this.users += 1;
    this.watch ??= new Watch(this.path, this.query, this, this.asTable);
    return () => {
      this.users -= 1;
      if (this.users === 0) this.linger();
    };
  }

  retry(): void {
    this.watch?.retry();
  }

  end(): void {
    clearTimeout(this.timer);
    this.watch?.close();
    this.watch = null;
    if (lives.get(this.key) === (this as unknown as Live<Obj>)) lives.delete(this.key);
    announce();
  }

  replace(objects: Obj[]): void {
    const before = new Map(this.objects);
    this.objects.clear();
    for (const object of objects) {
      const { uid, resourceVersion } = object.metadata;
      const known = before.get(uid);
      // What is as it was stays the same object, and is shown by nobody anew. A row of a table may say more now, and
      // what is made as it is asked for, such as metrics, has no version.
      const same = known !== undefined && !this.asTable && Boolean(resourceVersion) && known.metadata.resourceVersion === resourceVersion;
      this.objects.set(uid, same ? known : (slim(object) as T));
    }
    this.changes = null;
    this.mark();
  }
  put(object: Obj): void {
    this.note(object.metadata.uid, slim(object) as T);
    this.objects.set(object.metadata.uid, object as T);
    this.mark();
  }
  drop(object: Obj): void {
    this.note(object.metadata.uid, undefined);
    this.objects.delete(object.metadata.uid);
    this.mark();
  }
  state(state: WatchState, error?: ApiError): void {
    this.status.value = state;
    this.error.value = error ?? null;
  }
  columns(columns: TableColumn[]): void {
    this.titles.value = columns;
  }

  publish(): void {
    this.version.value += 1;
  }
  private linger(): void {
    this.timer = window.setTimeout(() => this.end(), kLingerMs);
  }
  private note(uid: string, after: T | undefined): void {
    if (this.changes === null) return;
    const known = this.changes.get(uid) ?? { before: this.objects.get(uid), after };
    known.after = after;
    // What came and went while nobody looked was never there.
    if (known.before === undefined && after === undefined) this.changes.delete(uid);
    else this.changes.set(uid, known);
  }
  private mark(): void {
    changed.add(this as unknown as Live<Obj>);
    schedule(this.objects.size);
  }
}

const lives = new Map<string, Live<Obj>>();
const livesVersion = signal(0);

// Whoever shows how all of them stand is rendered after whoever began another one.
function announce(): void {
  queueMicrotask(() => (livesVersion.value += 1));
}

// Everything that is followed now, for those who say how it stands.
export function allLives(): Live<Obj>[] {
  return livesVersion.value >= 0 ? [...lives.values()] : [];
}

const forgetting: (() => void)[] = [];

// Who keeps something of a user elsewhere takes it away then.
export function onForget(forget: () => void): void {
  forgetting.push(forget);
}

// What one user saw is not shown to the next.
export function forgetAll(): void {
  for (const forget of forgetting) forget();
  for (const live of allLives()) live.end();
}

interface LiveOptions {
  name?: string; // "": none has it. Who shows one object is not to get the first of all.
  labels?: string;
  fields?: string;
  table?: boolean; // As the server's table of the kind: metadata and cells.
}

export function liveOf<T extends Obj>(kind: Kind, namespace: string, options: LiveOptions): Live<T> {
  const query: Record<string, string> = {};
  const fields = [options.name === undefined ? '' : `metadata.name=${options.name}`, options.fields ?? ''];
  const field = fields.filter(Boolean).join(',');
  if (field !== '') query.fieldSelector = field;
  if (options.labels) query.labelSelector = options.labels;
  const path = pathOf(kind, namespace);
  const key = `${session.value?.user ?? ''} ${path} ${field} ${options.labels ?? ''} ${options.table ? 'table' : ''}`;
  const found = lives.get(key);
  if (found) return found as unknown as Live<T>;
  const order = kind === kinds.events ? (newestFirst as Order<never> as Order<Obj>) : byName;
  const made = new Live<T>(path, query, order, options.table ?? false, key);
  lives.set(key, made as unknown as Live<Obj>);
  announce();
  return made;
}

export function useLive<T extends Obj>(kind: Kind, namespace = '', options: LiveOptions = {}): Live<T> {
  const { name, labels, fields, table } = options;
  const live = useMemo(
    () => liveOf<T>(kind, namespace, { name, labels, fields, table }),
    [kind, namespace, name, labels, fields, table],
  );
  useEffect(() => live.use(), [live]);
  return live;
}
