// A table of any number of rows, of which only those in sight are in the page.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { session } from '../api/session';
import { fitting, leastOf } from '../model/columns';
import { Sifter } from '../model/sift';
import { namespace, narrow } from '../settings';
import { t } from '../texts';

export interface Column<T> {
  id: string;
  title: string;
  width: string; // As grid-template-columns has it.
  cell: (row: T) => ComponentChildren;
  sort?: (row: T) => string | number; // Of the row alone.
  wide?: boolean | number; // Left out on narrow screens, and where there is no room: the highest number first.
  end?: boolean; // Numbers.
  mute?: boolean; // Its title is heard, and not seen.
}

interface Props<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  keyOf: (row: T) => string;
  textOf: (row: T) => string; // What the filter looks through, of the row alone.
  hint?: string; // What the filter goes by.
  hrefOf?: (row: T) => string;
  height?: number; // Of a row.
  under?: ((row: T) => string) | undefined; // What is to be said of a row below its columns; '': nothing.
  tools?: ComponentChildren;
  fixed?: boolean; // As high as its rows, without a filter: a short list.
  scrolls?: boolean; // All its columns are there, and are scrolled to: nobody knows which of them matter.
}

const kRow = 40;
const kSpace = 18; // Where its namespace stands below its name.
const kUnder = { wide: 20, narrow: 36 }; // What is said below it: of two lines on a phone.
const kAround = 40; // Titles, and the lines around.
const kLeast = 200;
const kLong = 4_000;
const kBar = 14; // That a table is scrolled sideways by.
const kBeyond = 12; // Rows kept around those in sight;
const kStep = 4; // while fewer are scrolled past, the page stays as it is.

// Where the box is, to some rows.
function useSight(box: { current: HTMLDivElement | null }, fixed: boolean | undefined, row: number) {
  const [sight, setSight] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = box.current;
    if (!element || fixed) return;
    const look = () => {
      const step = kStep * row;
      const top = Math.round(element.scrollTop / step) * step;
      const height = element.clientHeight;
      setSight((old) => (old.top === top && old.height === height ? old : { top, height }));
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [fixed, row]);
  return sight;
}

interface RowProps<T> {
  row: T;
  index: number;
  id: string;
  columns: Column<T>[];
  layout: Record<string, string>;
  height: number;
  fixed: boolean;
  selected: boolean;
  hrefOf: ((row: T) => string) | undefined;
  space: Column<T> | undefined;
  under: string;
}

// `space`: the column that there was no room for, and without which objects of one name could not be told apart.
function Row<T>({ row, index, id, columns, layout, height, fixed, selected, hrefOf, space, under }: RowProps<T>) {
  return (
    <div
      id={`${id}-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      class={hrefOf ? 'table-row link' : 'table-row'}
      style={{ ...layout, height: `${height}px`, ...(fixed ? {} : { position: 'absolute', top: 0, transform: `translateY(${index * height}px)` }) }}
      onClick={(event) => {
        const inner = (event.target as Element).closest('a,button,input');
        if (!inner && hrefOf) location.hash = hrefOf(row);
      }}
    >
      {columns.map((column) => (
        <div key={column.id} role="gridcell" class={column.end ? 'cell end' : 'cell'}>
          {space && column.id === 'name' ? <div class="named">{column.cell(row)}<small>{space.cell(row)}</small></div> : column.cell(row)}
        </div>
      ))}
      {under && <small role="gridcell" class="cell-under">{under}</small>}
    </div>
  );
}

interface Kept<T> {
  props: RowProps<T>;
  row: ComponentChildren;
}

// The rows of the last time: one that is the same is given again as it was, and nobody looks into it.
function useRows<T>() {
  const kept = useRef(new Map<string, Kept<T>>());
  const before = kept.current;
  return (key: string, props: RowProps<T>, next: Map<string, Kept<T>>): ComponentChildren => {
    const old = before.get(key);
    const same = old && (Object.keys(props) as (keyof RowProps<T>)[]).every((each) => old.props[each] === props[each]);
    const now = same ? old : { props, row: <Row key={key} {...props} /> };
    next.set(key, now);
    kept.current = next;
    return now.row;
  };
}

interface Order {
  id: string; // Of a column; '': as they are given.
  down: boolean;
}

function Titles<T>(props: { columns: Column<T>[]; layout: Record<string, string>; order: Order; onOrder: (id: string) => void }) {
  return (
    <div class="table-row table-head" role="row" style={props.layout} aria-rowindex={1}>
      {props.columns.map((column) => {
        const by = props.order.id === column.id;
        return (
          <div
            key={column.id}
            role="columnheader"
            class={column.end ? 'cell end' : 'cell'}
            aria-sort={by ? (props.order.down ? 'descending' : 'ascending') : undefined}
          >
            {column.sort ? (
              <button class="sort" onClick={() => props.onOrder(column.id)}>
                {column.title}
                <span aria-hidden="true">{by ? (props.order.down ? ' ↓' : ' ↑') : ''}</span>
              </button>
            ) : (
              <span class={column.mute ? 'hidden' : undefined}>{column.title}</span>
            )}
          </div>
        );
      })}
    </div>
  );
}

// As parts.css has them: between columns, and before and behind them.
const kGap = { wide: 16, narrow: 10 };
const kEdge = { wide: 16, narrow: 12, fixed: 4 };

// A name has some more room than the least, before others share it.
const kNameMore = 40;

// How wide the table is; at first as wide as need be.
function useRoom(box: { current: HTMLDivElement | null }): number {
  const [room, setRoom] = useState(Infinity);
  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setRoom(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return room;
}

// What is left of the columns where it is narrow, and how wide each is. A row is laid out by itself: what is beyond
// its end could not be scrolled to, so it is never narrower than its columns are at least.
function useColumns<T>(all: Column<T>[], fixed: boolean, scrolls: boolean, room: number) {
  const isNarrow = narrow.value;
  const isOneSpace = namespace.value !== '';
  return useMemo(() => {
    const how = isNarrow ? 'narrow' : 'wide';
    const [gap, edge] = [kGap[how], kEdge[fixed ? 'fixed' : how]];
    // Of one namespace, all rows would say the same.
    const telling = isOneSpace ? all.filter((each) => each.id !== 'namespace') : all;
    const columns = isNarrow ? telling.filter((each) => !each.wide) : scrolls ? telling : fitting(telling, room - kNameMore, gap, edge);
    const least = leastOf(columns.map((each) => each.width), gap, edge);
    const space = telling.find((each) => each.id === 'namespace' && !columns.includes(each));
    return { columns, space, least, isOver: least > room, layout: { gridTemplateColumns: columns.map((each) => each.width).join(' '), minWidth: `${least}px` } };
  }, [all, isNarrow, isOneSpace, fixed, scrolls, room]);
}

// The rows in which all words of the filter occur, in the order of a column.
function useShown<T extends object>(props: Props<T>, filter: string, order: Order): T[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const sifter = useMemo(() => new Sifter<T>(), []);
  return useMemo(() => {
    const column = props.columns.find((each) => each.id === order.id);
    const by = column?.sort && { id: column.id, key: column.sort, down: order.down };
    return sifter.sift(props.rows, { words, textOf: props.textOf, by });
  }, [props.rows, filter, order]);
}

interface Sifting {
  filter: string;
  order: Order;
}

// What is typed into a list's filter, and its order, are kept in the entry of the browser's history: who opens a
// row and goes back finds them, and nobody who logs in later.
function useSifting(label: string) {
  const user = session.value?.user ?? '';
  const name = `${user} ${label}`;
  const [sifting, setSifting] = useState<Sifting>(() => {
    const all = history.state as Record<string, Sifting> | null;
    return all?.[name] ?? { filter: '', order: { id: '', down: false } };
  });
  const change = (part: Partial<Sifting>) => {
    const next = { ...sifting, ...part };
    setSifting(next);
    try {
      history.replaceState({ ...(history.state as object | null), [name]: next }, '');
    } catch {
      // A browser takes so many of these in a minute, and the next one again.
    }
  };
  return { ...sifting, change };
}

interface Moving<T> {
  box: { current: HTMLDivElement | null };
  height: number; // Of a row.
  page: number; // Rows that are seen at once.
  rows: T[];
  keyOf: (row: T) => string;
  open: (at: number) => void;
}

// The row that the keys have come to; -1: none yet. It stays that row, wherever others that come and go have it
// move; where it has gone itself, it is what took its place.
function useCursor<T>({ box, height, page, rows, keyOf, open }: Moving<T>) {
  const [mark, setMark] = useState({ key: '', at: -1 });
  const at = useMemo(() => {
    const there = rows[mark.at];
    if (mark.at < 0 || (there !== undefined && keyOf(there) === mark.key)) return mark.at;
    const moved = rows.findIndex((each) => keyOf(each) === mark.key);
    return moved >= 0 ? moved : Math.min(mark.at, rows.length - 1);
  }, [rows, mark]);
  const count = rows.length;
  const move = (to: number) => {
    const next = Math.max(0, Math.min(count - 1, to));
    const row = rows[next];
    if (row !== undefined) setMark({ key: keyOf(row), at: next });
    const element = box.current;
    if (!element) return;
    const top = next * height;
    if (top < element.scrollTop) element.scrollTop = top;
    if (top + height * 2 > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + height * 2 - element.clientHeight;
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: count - 1,
    };
    if (event.key in steps) {
      event.preventDefault();
      move(steps[event.key]!);
    } else if (event.key === 'Enter' && event.target === event.currentTarget) {
      open(at);
    }
  };
  // From the filter: down into the rows, and into the first of them, or the one that keys had come to.
  const onFilterKey = (event: KeyboardEvent) => {
    if (event.isComposing || count === 0) return;
    if (event.key === 'Enter') open(Math.max(0, at));
    else if (event.key === 'ArrowDown') {
      box.current?.focus();
      if (at < 0) move(0);
    } else return;
    event.preventDefault();
  };
  // What is typed into the filter is to find another one.
  const forget = () => setMark({ key: '', at: -1 });
  return { at, onKey, onFilterKey, forget };
}

// A list ends with its last row; one without any has room to say so. Where it is longer than any screen, nothing is
// laid out anew for a row that comes or goes.
function highAs(rows: number): Record<string, string> {
  const height = kAround + rows;
  if (height > kLong) return {};
  return { maxHeight: `${height}px`, minHeight: `${rows === 0 ? kLeast : Math.min(kLeast, height)}px` };
}

export function Table<T extends object>(props: Props<T>) {
  const { filter, order, change } = useSifting(props.label);
  const box = useRef<HTMLDivElement>(null);
  const rowOf = useRows<T>();
  const room = useRoom(box);
  const { columns, space, least, isOver, layout } = useColumns(props.columns, props.fixed ?? false, props.scrolls ?? false, room);
  const height = (props.height ?? kRow) + (space ? kSpace : 0) + (props.under ? kUnder[narrow.value ? 'narrow' : 'wide'] : 0);
  const sight = useSight(box, props.fixed, height);
  const shown = useShown(props, filter, order);
  const { at, onKey, onFilterKey, forget } = useCursor({
    box, height, page: Math.max(1, Math.floor(sight.height / height) - 1), rows: shown, keyOf: props.keyOf,
    open: (row) => {
      if (shown[row] && props.hrefOf) location.hash = props.hrefOf(shown[row]);
    },
  });

  const first = props.fixed ? 0 : Math.max(0, Math.floor(sight.top / height) - kBeyond);
  const last = props.fixed ? shown.length : Math.min(shown.length, Math.ceil((sight.top + sight.height) / height) + kBeyond);
  const id = props.label.replace(/\W+/g, '-');
  const rows: Parameters<typeof rowOf>[2] = new Map();

  return (
    <div class={props.fixed ? 'table-box fixed' : 'table-box'}>
      {!props.fixed && (
        <div class="table-tools">
          <input
            type="search"
            class="input filter"
            data-filter
            aria-label={t.filter}
            placeholder={props.hint ?? t.filterHint}
            value={filter}
            onInput={(event) => {
              forget();
              change({ filter: event.currentTarget.value });
            }}
            onKeyDown={onFilterKey}
          />
          {props.tools}
          <span class="rows" role="status">{t.rows(shown.length, props.rows.length)}</span>
        </div>
      )}
      <div
        class={isOver ? 'table over' : 'table'}
        role="grid"
        aria-label={props.label}
        aria-rowcount={shown.length + 1}
        tabIndex={0}
        style={props.fixed ? {} : highAs(shown.length * height + (isOver ? kBar : 0))}
        aria-activedescendant={at >= first && at < last ? `${id}-${at}` : undefined}
        ref={box}
        onKeyDown={onKey}
      >
        <Titles
          columns={columns}
          layout={layout}
          order={order}
          onOrder={(id) => change({ order: { id, down: order.id === id && !order.down } })}
        />
        <div class="table-body" role="rowgroup" style={props.fixed ? {} : { height: `${shown.length * height}px`, minWidth: `${least}px` }}>
          {shown.slice(first, last).map((row, index) => rowOf(props.keyOf(row), {
            row, index: first + index, id, columns, layout, height,
            fixed: props.fixed ?? false, selected: at === first + index, hrefOf: props.hrefOf, space,
            under: props.under?.(row) ?? '',
          }, rows))}
        </div>
        {shown.length === 0 && <div class="empty small">{props.rows.length === 0 ? t.nothing : t.nothingFits}</div>}
      </div>
    </div>
  );
}
