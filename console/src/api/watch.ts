// One watch, kept up: it begins with the whole state (watch-list), goes on from the last revision it
// heard of, begins anew where that is too old, and waits with growing pauses for a server that is away. What may
// be listed and not watched is listed now and then.
import type { Cell, TableColumn } from '../model/discovery';
import { afterWrite, ApiError, ask, request } from './request';
import { nextLogin } from './session';
import { isLongTurn, nextTurn } from './turn';
import type { Obj } from './types';

// 'listed': as it was a short while ago, for want of the right to watch it.
export type WatchState = 'loading' | 'live' | 'listed' | 'away' | 'refused';

export interface Sink {
  // All that there is, at the beginning and after a break that was too long.
  replace(objects: Obj[]): void;
  put(object: Obj): void;
  drop(object: Obj): void;
  state(state: WatchState, error?: ApiError): void;
  // Of a watch as the server's table; objects then are their metadata, with `cells`.
  columns?(columns: TableColumn[]): void;
}

// Bookmarks come every minute: a stream that says nothing for longer is broken. Nor does a list take so long.
const kSilenceMs = 150_000;
const kPauseMinMs = 500;
const kPauseMaxMs = 20_000;
// A single event is an object of 1.5 MiB at most; a longer line comes from no API server.
const kLineMax = 8 << 20;
// Between two lists of what may not be watched; and so many times as long as a list takes, where that is more.
export const kListedMs = 10_000;
const kListedTimes = 10;
// What somebody changed himself is listed so soon.
const kWrittenMs = 500;
// After so many lists it is tried whether a watch is allowed now: soon at first, as a server that has just begun may
// not know yet who may do what; twice as many each time.
const kListsMin = 2;
const kListsMax = 32;
// A server of others' kinds may have no tables: then it is the objects themselves.
const kTable = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

interface Event {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: Obj & { code?: number; reason?: string; message?: string };
}

// What is wrong with the question, and not with the moment at which it was asked.
function isRefusal(code: number): boolean {
  return code >= 400 && code < 500 && code !== 408 && code !== 410 && code !== 429;
}

// A watch is a right of its own, and there are kinds that nobody can watch.
function isWatchRefused(code: number): boolean {
  return code === 403 || code === 405;
}

// Resource versions are decimal numbers of any length.
function isBefore(a: string, b: string): boolean {
  return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b);
}

// Each event has a table of one row; columns come with the first one.
interface Rows extends Obj {
  columnDefinitions?: TableColumn[] | null;
  rows?: { cells: Cell[]; object?: Obj }[] | null;
}

// Those that wait for their next list.
const listing = new Set<Watch>();
afterWrite(() => setTimeout(() => {
  for (const each of listing) each.hurry();
}, kWrittenMs));

interface List extends Rows {
  items?: Obj[];
}
// Who asks for one object alone.
const kOne = /^metadata\.name=([^,=]+)$/;

export class Watch {
  private readonly stop = new AbortController();
  private version = '';
  private first: Map<string, Obj> | null = null; // The state that is still coming.
  private lists = false; // Another API server, which knows no watch-list and may send no bookmarks.
  private doubted = false; // Whether what it would go on from is still of the server's history.
  private polls = 0; // Lists to come before a watch is tried again.
  private pollsNext = kListsMin;
  private wake: (() => void) | null = null;

  constructor(
    private readonly path: string,
    private readonly query: Record<string, string>,
    private readonly sink: Sink,
    private readonly asTable = false,
  ) {
    void this.run();
  }

  close(): void {
    this.stop.abort();
    this.wake?.();
  }

  // Tries at once what would be tried later, or not any more.
  retry(): void {
    this.polls = 0;
    this.wake?.();
  }

  // What it waits for may have come already.
  hurry(): void {
    this.wake?.();
  }

  private async run(): Promise<void> {
    let pause = kPauseMinMs;
    while (!this.stop.signal.aborted) {
      try {
        let said = false;
        if (this.polls > 0) {
          await this.listAgain();
          pause = kPauseMinMs;
          continue;
        }
        await this.makeSure();
        await this.follow(() => {
          said = true;
          pause = kPauseMinMs;
          this.pollsNext = kListsMin;
        });
        // It ended in order, and the next one goes on from there: at once, unless it said nothing.
        if (!said) {
          await this.sleep(pause);
          pause = Math.min(pause * 2, kPauseMaxMs);
        }
        continue;
      } catch (error) {
        if (this.stop.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError(0, '', String(error));
        if (known.isExpired && this.version !== '') {
          this.version = '';
          continue;
        }
        if (known.code === 401) {
          await nextLogin();
          // It may be another cluster by now that has this address.
          this.version = '';
          this.polls = 0;
          continue;
        }
        if ((known.code === 400 || known.code === 422) && !this.lists) {
          this.lists = true;
          continue;
        }
        // Whether it is refused as well is for a list to say.
        if (isWatchRefused(known.code) && this.polls === 0) {
          this.polls = this.pollsNext;
          this.pollsNext = Math.min(this.pollsNext * 2, kListsMax);
          continue;
        }
        const refused = isRefusal(known.code);
        this.doubted ||= !refused;
        this.sink.state(refused ? 'refused' : 'away', known);
        await this.sleep(refused ? null : pause * (0.75 + Math.random() / 2));
        pause = Math.min(pause * 2, kPauseMaxMs);
      }
    }
  }

  // A server that was away may have come back with less: with a snapshot, or another data directory. A watch from
  // what is yet to come would say nothing, and what is shown would be called live.
  private async makeSure(): Promise<void> {
    if (!this.doubted || this.version === '') return;
    const query = new URLSearchParams({ ...this.query, limit: '1' });
    try {
      const { metadata } = await this.inTime((signal) => request<List>(`${this.path}?${query}`, { signal }));
      if (isBefore(metadata.resourceVersion, this.version)) this.version = '';
    } catch (error) {
      if (!(error instanceof ApiError && isRefusal(error.code) && error.code !== 401)) throw error;
    }
    this.doubted = false;
  }

  private async follow(heard: () => void): Promise<void> {
    if (this.version === '' && this.lists) await this.list();
    const query = new URLSearchParams({ ...this.query, watch: '1', allowWatchBookmarks: 'true' });
    if (this.version === '') {
      query.set('sendInitialEvents', 'true');
      query.set('resourceVersionMatch', 'NotOlderThan');
      this.expectAll();
    } else {
      query.set('resourceVersion', this.version);
    }
    const quiet = new AbortController();
    let timer = 0;
    const listen = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => quiet.abort(), kSilenceMs);
    };
    try {
      listen();
      const signal = AbortSignal.any([this.stop.signal, quiet.signal]);
      const response = await ask(`${this.path}?${query}`, { signal, ...this.form() });
      if (this.first === null) this.sink.state('live');
      await this.read(response, () => {
        listen();
        heard();
      });
    } catch (error) {
      // Nothing has happened there, and nothing says so.
      if (!(this.lists && quiet.signal.aborted)) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private form(): { accept?: string } {
    return this.asTable ? { accept: kTable } : {};
  }

  // All that there is, by one answer.
  private async list(state: WatchState = 'live'): Promise<void> {
    const { metadata, items, ...table } = await this.inTime((signal) => this.all(signal));
    const rows = table.rows?.map((row) => this.ofRow({ ...table, metadata, rows: [row] }));
    this.version = metadata.resourceVersion;
    this.first = null;
    this.sink.replace(rows ?? items ?? []);
    this.sink.state(state);
  }

  // Nobody waits for an answer for ever: the server may be gone without a word.
  private async inTime<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const timer = window.setTimeout(() => late.abort(), kSilenceMs);
    try {
      return await run(AbortSignal.any([this.stop.signal, late.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  private async all(signal: AbortSignal): Promise<List> {
    const given = { signal, ...this.form() };
    try {
      return await request<List>(`${this.path}?${new URLSearchParams(this.query)}`, given);
    } catch (error) {
      const name = kOne.exec(this.query.fieldSelector ?? '')?.[1];
      if (name === undefined || !(error instanceof ApiError && error.isForbidden)) throw error;
      return this.one(name, given);
    }
  }

  // As a list of one, or of none. Who may get an object need not have the right to list its kind.
  private async one(name: string, given: { signal: AbortSignal; accept?: string }): Promise<List> {
    try {
      const found = await request<Rows>(`${this.path}/${encodeURIComponent(name)}`, given);
      return found.rows ? found : { metadata: found.metadata, items: [found] };
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
      return { metadata: { resourceVersion: '' } as Obj['metadata'], items: [] };
    }
  }

  private async listAgain(): Promise<void> {
    const begun = performance.now();
    await this.list('listed');
    this.polls = Math.max(0, this.polls - 1); // Somebody may have asked for the watch meanwhile.
    listing.add(this);
    await this.sleep(Math.max(kListedMs, kListedTimes * (performance.now() - begun)));
    if (document.hidden && !this.stop.signal.aborted) await this.seen();
    listing.delete(this);
    // The watch that is tried then begins anew.
    if (this.polls === 0) this.version = '';
  }

  // When somebody looks again, or nobody needs to.
  private seen(): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (document.hidden && !this.stop.signal.aborted) return;
        document.removeEventListener('visibilitychange', look);
        this.wake = null;
        resolve();
      };
      document.addEventListener('visibilitychange', look);
      this.wake = look;
    });
  }

  private async read(response: Response, heard: () => void): Promise<void> {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        heard();
        const lines = (rest + value).split('\n');
        rest = lines.pop()!;
        if (rest.length > kLineMax) throw new ApiError(0, 'TooLong', 'an event has no end');
        for (const line of lines) {
          if (line === '') continue;
          this.take(JSON.parse(line) as Event);
          // What came meanwhile is there already, and would all be read at one go.
          if (isLongTurn()) await nextTurn();
        }
      }
    } finally {
      // Where a line could not be read, the stream is of no more use.
      void reader.cancel().catch(() => undefined);
    }
  }

  private take(event: Event): void {
    const { type } = event;
    if (type === 'ERROR') {
      const { code, reason, message } = event.object;
      throw new ApiError(code ?? 500, reason ?? '', message ?? '');
    }
    const object = this.asTable ? this.ofRow(event.object) : event.object;
    if (type === 'BOOKMARK') {
      if (object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true') this.begin();
      if (this.first === null) this.version = object.metadata.resourceVersion;
      return;
    }
    if (this.first !== null) {
      if (type === 'DELETED') this.first.delete(object.metadata.uid);
      else this.first.set(object.metadata.uid, object);
      return;
    }
    this.version = object.metadata.resourceVersion;
    if (type === 'DELETED') this.sink.drop(object);
    else this.sink.put(object);
  }

  private ofRow(table: Rows): Obj {
    if (table.columnDefinitions?.length) this.sink.columns?.(table.columnDefinitions);
    const row = table.rows?.[0];
    // A bookmark has none, nor has an object that is none of a table.
    if (!row?.object) return table;
    row.object.cells = row.cells;
    return row.object;
  }

  // Made here, and not where the watch then goes on for hours: what such a function has once had in its
  // hands it holds until it ends, which would be everything as it was at the beginning.
  private expectAll(): void {
    this.first = new Map();
  }

  private begin(): void {
    if (this.first !== null) this.sink.replace([...this.first.values()]);
    this.first = null;
    this.sink.state('live');
  }

  // null: until somebody wakes it. A network that comes back wakes everybody.
  private sleep(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      let timer = 0;
      const done = () => {
        clearTimeout(timer);
        removeEventListener('online', done);
        this.wake = null;
        resolve();
      };
      if (ms !== null) {
        timer = window.setTimeout(done, ms);
        addEventListener('online', done);
      }
      this.wake = done;
    });
  }
}
