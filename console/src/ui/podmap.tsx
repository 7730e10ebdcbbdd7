// Nodes with their pods as a picture: a square a pod, coloured by how it is. Drawn on a canvas, whose
// frames are made only while something moves.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { type Card, differing, indexAt, layoutMap, type MapLayout, squareAt } from '../model/maplayout';
import type { Tone } from '../model/pod';
import { dark } from '../settings';
import { t } from '../texts';

export interface MapCell {
  key: string;
  tone: Tone;
  name: string;
  word: string;
  href: string;
  place: string; // Of its own in its group, whose cells are in this order.
}

export interface MapGroup {
  key: string;
  title: string;
  sub: string;
  share: number; // How full it is, 0 to 1.
  tone: Tone;
  cells: MapCell[];
  room?: number; // For how many there is to be a place, at least.
}

interface Square {
  cell: MapCell;
  x: number;
  y: number;
}

// What does not look as it does at rest, or will not for a moment.
interface Move {
  group: string;
  born: number;
  turned: number; // When its tone last changed.
}

interface Ghost {
  x: number;
  y: number;
  died: number;
}

type Pen = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const kLongAgo = -Infinity;
const kTones: Tone[] = ['good', 'busy', 'warn', 'bad', 'done', 'gone', 'none'];
const kMoveMs = 420;
const kGoneAlpha = 0.4;
const kHeightMax = 520;
const kLinesStep = 512; // Of pixels: to give a canvas another size takes long, and a map grows by little.
const kHeadText = 20; // How high a line of text is.
const kPaintMs = 3; // Of a frame, for cards that have changed; the others have the next one.
const kFont = '"Inter Variable", system-ui, sans-serif';
const calm = matchMedia('(prefers-reduced-motion: reduce)');

class Painter {
  private ghosts: Ghost[] = [];
  private groups: MapGroup[] = [];
  private layout: MapLayout = layoutMap([], 1, 1);
  // By group, what is shown where: a square's place follows from its number.
  private shown = new Map<string, { cells: MapCell[]; card: Card }>();
  // What is to be shown next.
  private wanted: { groups: MapGroup[]; width: number } | null = null;
  private frame = 0;
  private stopped = false;
  private colours: Record<string, string> = {};
  // All that does not move, as it is until something else is to be shown; and what moves.
  private restIsOld = true;
  // What all that does not move will be, until every card is on it: it takes several pictures, and none is
  // seen half painted.
  private isStaged = false;
  private readonly staged = new OffscreenCanvas(1, 1);
  private readonly strip = new OffscreenCanvas(1, 1); // For heads: to make one for each takes long.
  private readonly old = new Set<number>(); // Cards that do not look as they should, by number.
  private readonly titles = new Map<string, string>(); // As there is room for them.
  private readonly moving = new Map<MapCell, Move>();
  selected = '';

  // `rest` lies below the other one.
  constructor(private readonly canvas: HTMLCanvasElement, private readonly rest: HTMLCanvasElement) {}

  get size(): number {
    return this.layout.size;
  }

  stop(): void {
    this.stopped = true;
    cancelAnimationFrame(this.frame);
  }

  readColours(): void {
    const style = getComputedStyle(this.canvas);
    for (const name of [...kTones, 'card', 'line', 'text', 'dim', 'accent']) {
      this.colours[name] = style.getPropertyValue(`--map-${name}`).trim();
    }
    this.drawAll();
  }

  // Arranged in a frame of its own, and painted in the next one. Where nobody looks there are none, and
  // what was shown before would be held as long.
  show(groups: MapGroup[], width: number): void {
    this.wanted = { groups, width };
    if (document.hidden) this.arrange();
    this.draw();
  }

  private arrange(): void {
    const { groups, width } = this.wanted!;
    this.wanted = null;
    const time = performance.now();
    const first = this.shown.size === 0;
    const [before, layout] = [this.shown, this.layout];
    groups.forEach((group, at) => {
      if (!looksAs(group, this.groups[at])) this.old.add(at);
    });
    this.groups = groups;
    this.layout = layoutMap(groups.map(({ cells, room }) => Math.max(cells.length, room ?? 0)), width, kHeightMax, first ? undefined : layout);
    this.shown = new Map(groups.map(({ key, cells }, at) => [key, { cells, card: this.layout.cards[at]! }]));
    const gone = new Map<string, Square>();
    const come: { cell: MapCell; group: string }[] = [];
    for (const key of new Set([...before.keys(), ...this.shown.keys()])) {
      const [old, now] = [before.get(key), this.shown.get(key)];
      if (old?.cells === now?.cells) continue;
      differing(old?.cells ?? [], now?.cells ?? [],
                (cell, index) => gone.set(cell.key, { cell, ...squareAt(layout, old!.card, index) }),
                (cell) => come.push({ cell, group: key }));
    }
    for (const { cell, group } of come) {
      const was = gone.get(cell.key)?.cell;
      const move = was && this.moving.get(was);
      gone.delete(cell.key);
      if (was) this.moving.delete(was);
      const born = move?.born ?? (was || first ? kLongAgo : time);
      const turned = was && was.tone !== cell.tone ? time : (move?.turned ?? kLongAgo);
      if (!isStill(cell, { born, turned }, time)) this.moving.set(cell, { group, born, turned });
    }
    for (const { cell, x, y } of gone.values()) {
      this.moving.delete(cell);
      // Where nobody looks nothing is painted, and so none of them would ever fade.
      if (!document.hidden && !calm.matches) this.ghosts.push({ x, y, died: time });
    }
    this.restIsOld ||= this.layout !== layout || !isAsLarge(this.isStaged ? this.staged : this.canvas, this.pixels);
  }

  private get pixels(): Size {
    const ratio = devicePixelRatio || 1;
    const lines = Math.ceil((this.layout.height * ratio) / kLinesStep);
    return { width: Math.max(1, Math.round(this.layout.width * ratio)), height: Math.max(1, lines) * kLinesStep };
  }

  private stage(): void {
    if (!isAsLarge(this.staged, this.pixels)) Object.assign(this.staged, this.pixels);
    this.isStaged = true;
    const pen = this.staged.getContext('2d')!;
    const ratio = devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.layout.width, this.layout.height);
    this.old.clear();
    this.groups.forEach((_, at) => this.old.add(at));
  }

  private unveil(): void {
    this.isStaged = false;
    const { width, height } = this.staged;
    const ratio = devicePixelRatio || 1;
    for (const each of [this.canvas, this.rest]) {
      // This empties it.
      if (!isAsLarge(each, this.staged)) Object.assign(each, { width, height });
      each.style.height = `${height / ratio}px`;
    }
    // What is below all cards is not seen.
    this.canvas.parentElement!.style.height = `${this.layout.height}px`;
    const rest = this.rest.getContext('2d')!;
    rest.setTransform(1, 0, 0, 1, 0, 0);
    rest.clearRect(0, 0, width, height);
    rest.drawImage(this.staged, 0, 0);
    rest.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  private squaresOf(group: MapGroup): Square[] {
    const { card } = this.shown.get(group.key)!;
    return group.cells.map((cell, index) => ({ cell, ...squareAt(this.layout, card, index) }));
  }

  private squareOf(cell: MapCell, group: string): Square {
    const { cells, card } = this.shown.get(group)!;
    return { cell, ...squareAt(this.layout, card, cells.indexOf(cell)) };
  }

  private squareBy(key: string): Square | undefined {
    for (const group of this.groups) {
      const cell = key === '' ? undefined : group.cells.find((each) => each.key === key);
      if (cell) return this.squareOf(cell, group.key);
    }
    return undefined;
  }

  at(x: number, y: number): Square | undefined {
    for (const { cells, card } of this.shown.values()) {
      const index = indexAt(this.layout, card, x, y);
      const cell = cells[index];
      if (cell) return { cell, ...squareAt(this.layout, card, index) };
    }
    return undefined;
  }

  // The square that an arrow key leads to.
  beside(key: string, arrow: string): Square | undefined {
    const all = this.groups.flatMap((group) => this.squaresOf(group));
    const at = all.findIndex((each) => each.cell.key === key);
    const from = all[at];
    if (!from) return all[0];
    if (arrow === 'ArrowRight') return all[at + 1];
    if (arrow === 'ArrowLeft') return all[at - 1];
    const side = arrow === 'ArrowDown' ? 1 : -1;
    let best: Square | undefined;
    let least = Infinity;
    for (const each of all) {
      const down = (each.y - from.y) * side;
      if (down < this.layout.size / 2) continue;
      const far = down * 4 + Math.abs(each.x - from.x);
      if (far < least) [best, least] = [each, far];
    }
    return best;
  }

  select(key: string): Square | undefined {
    this.selected = key;
    this.draw();
    return this.squareBy(key);
  }

  // Texts, too.
  drawAll(): void {
    this.restIsOld = true;
    this.titles.clear();
    this.draw();
  }

  draw(): void {
    // One that is due already stays: news that come with every frame must not put it off for ever.
    if (this.frame === 0 && !this.stopped) this.frame = requestAnimationFrame((time) => this.step(time));
  }

  private step(time: number): void {
    this.frame = 0;
    if (this.wanted === null) return this.paint(time);
    this.arrange();
    this.draw();
  }

  private paint(time: number): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const pen = this.canvas.getContext('2d')!;
    const ratio = devicePixelRatio || 1;
    const rest = this.rest.getContext('2d')!;
    if (this.restIsOld) this.stage();
    this.restIsOld = false;
    if (this.isStaged) {
      this.paintCards(this.staged.getContext('2d')!, [...this.old], kPaintMs);
      if (this.old.size > 0) return this.draw();
      this.unveil();
    }
    this.paintCards(rest, [...this.old], kPaintMs);
    // Those that have come to rest since.
    const still = [...this.moving].filter(([cell, move]) => isStill(cell, move, time));
    for (const [cell] of still) this.moving.delete(cell);
    this.paintResting(rest, still.map(([cell, { group }]) => this.squareOf(cell, group)));
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintMoving(pen, time);
    this.paintGhosts(pen, time);
    this.paintChosen(pen);
    const goesOn = !calm.matches && (this.moving.size > 0 || this.ghosts.length > 0);
    if (goesOn || this.old.size > 0) this.draw();
  }

  // As many as there is time for; the others stay old.
  private paintCards(pen: Pen, all: number[], ms: number): void {
    const start = performance.now();
    const painted: number[] = [];
    for (const at of all) {
      this.old.delete(at);
      if (at >= this.groups.length) continue;
      this.paintCard(pen, this.groups[at]!, at);
      painted.push(at);
      if (performance.now() - start > ms) break;
    }
    if (this.layout.head) this.paintHeads(pen, painted);
  }

  private paintCard(pen: Pen, group: MapGroup, at: number): void {
    const { head, pad } = this.layout;
    const { x, y, width, height } = this.layout.cards[at]!;
    pen.clearRect(x, y, width, height);
    pen.fillStyle = this.colours.card!;
    pen.strokeStyle = group.tone === 'good' ? this.colours.line! : this.colours[group.tone]!;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(x + 0.5, y + 0.5, width - 1, height - 1, head ? 10 : 5);
    pen.fill();
    pen.stroke();
    pen.fillStyle = this.colours.line!;
    if (head) pen.fillRect(x + pad, y + 29, width - pad * 2, 2);
    pen.fillStyle = this.colours.accent!;
    if (head) pen.fillRect(x + pad, y + 29, (width - pad * 2) * Math.min(1, group.share), 2);
    this.paintResting(pen, this.squaresOf(group).filter(({ cell }) => !this.moving.has(cell)));
  }

  // On a canvas that is no part of the page: to set the font of one that is has the whole page laid out.
  private paintHeads(pen: Pen, cards: number[]): void {
    const ratio = devicePixelRatio || 1;
    const width = Math.ceil((this.layout.cards[cards[0] ?? 0]?.width ?? 0) - this.layout.pad * 2);
    if (cards.length === 0 || width <= 0) return;
    const line = Math.ceil(kHeadText * ratio);
    const across = Math.ceil(width * ratio);
    const { strip } = this;
    // This empties it.
    if (strip.width !== across || strip.height < line * cards.length) {
      Object.assign(strip, { width: across, height: line * Math.max(cards.length, this.groups.length) });
    }
    const text = strip.getContext('2d')!;
    text.setTransform(ratio, 0, 0, ratio, 0, 0);
    text.clearRect(0, 0, width + 1, (line * cards.length) / ratio);
    text.textBaseline = 'middle';
    const middle = (row: number) => (row * line) / ratio + kHeadText / 2;
    const room = new Map<number, number>(); // For titles that have not been measured.
    const keyOf = ({ title, sub }: MapGroup) => `${width} ${sub.length} ${title}`;
    text.font = `500 11.5px ${kFont}`;
    text.fillStyle = this.colours.dim!;
    text.textAlign = 'right';
    cards.forEach((at, row) => {
      const group = this.groups[at]!;
      text.fillText(group.sub, width, middle(row));
      if (!this.titles.has(keyOf(group))) room.set(at, width - text.measureText(group.sub).width - 8);
    });
    text.textAlign = 'left';
    text.font = `600 12.5px ${kFont}`;
    text.fillStyle = this.colours.text!;
    cards.forEach((at, row) => {
      const group = this.groups[at]!;
      if (room.has(at)) this.titles.set(keyOf(group), fitted(text, group.title, room.get(at)!));
      text.fillText(this.titles.get(keyOf(group))!, 0, middle(row));
    });
    const sharp = (place: number) => Math.round(place * ratio) / ratio;
    cards.forEach((at, row) => {
      const { x, y } = this.layout.cards[at]!;
      pen.drawImage(strip, 0, row * line, strip.width, line,
                    sharp(x + this.layout.pad), sharp(y + 17 - kHeadText / 2), strip.width / ratio, line / ratio);
    });
  }

  private get round(): number {
    return Math.min(6, this.layout.size / 3.5);
  }

  // One path a colour.
  private paintResting(pen: Pen, squares: Square[]): void {
    const size = this.layout.size;
    const round = this.round;
    const paths = new Map<Tone, Path2D>();
    for (const { cell: { tone }, x, y } of squares) {
      let path = paths.get(tone);
      if (!path) paths.set(tone, (path = new Path2D()));
      if (size <= 9) path.rect(x, y, size, size);
      else path.roundRect(x, y, size, size, round);
    }
    for (const [tone, path] of paths) {
      pen.globalAlpha = tone === 'gone' ? kGoneAlpha : 1;
      pen.fillStyle = this.colours[tone]!;
      pen.fill(path);
    }
    pen.globalAlpha = 1;
  }

  private paintMoving(pen: CanvasRenderingContext2D, time: number): void {
    const size = this.layout.size;
    const round = this.round;
    for (const [cell, { group, born, turned }] of this.moving) {
      const { tone } = cell;
      const { x, y } = this.squareOf(cell, group);
      const grown = calm.matches ? 1 : moved(time - born);
      const turn = calm.matches ? 1 : moved(time - turned);
      const scale = grown < 1 ? 1 - (1 - grown) ** 3 : 1 + 0.25 * Math.sin(Math.PI * turn);
      const half = (size * (1 - scale)) / 2;
      pen.globalAlpha = tone === 'gone' ? kGoneAlpha : tone === 'busy' && !calm.matches ? 0.7 + 0.3 * Math.sin(time / 220) : 1;
      pen.fillStyle = this.colours[tone]!;
      pen.beginPath();
      pen.roundRect(x + half, y + half, size * scale, size * scale, round * scale);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  private paintGhosts(pen: CanvasRenderingContext2D, time: number): void {
    this.ghosts = this.ghosts.filter((each) => time - each.died < kMoveMs);
    pen.fillStyle = this.colours.gone!;
    for (const each of this.ghosts) {
      const left = 1 - moved(time - each.died);
      const [size, half] = [this.layout.size * left, (this.layout.size * (1 - left)) / 2];
      pen.globalAlpha = left * 0.6;
      pen.fillRect(each.x + half, each.y + half, size, size);
    }
    pen.globalAlpha = 1;
  }

  private paintChosen(pen: CanvasRenderingContext2D): void {
    const chosen = this.squareBy(this.selected);
    if (!chosen) return;
    const size = this.layout.size;
    pen.strokeStyle = this.colours.text!;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.roundRect(chosen.x - 2, chosen.y - 2, size + 4, size + 4, this.round + 2);
    pen.stroke();
  }
}

// How far a move is, 0 to 1. A frame bears the time when it began, which is before what it shows.
function moved(ms: number): number {
  return Math.max(0, Math.min(1, ms / kMoveMs));
}

function isStill({ tone }: MapCell, { born, turned }: Omit<Move, 'group'>, time: number): boolean {
  return tone !== 'busy' && (calm.matches || (moved(time - born) >= 1 && moved(time - turned) >= 1));
}

interface Size {
  width: number;
  height: number;
}

function isAsLarge(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}

function looksAs(group: MapGroup, other: MapGroup | undefined): boolean {
  return other !== undefined && group.cells === other.cells && group.key === other.key && group.title === other.title &&
    group.sub === other.sub && group.share === other.share && group.tone === other.tone;
}

function fitted(pen: OffscreenCanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

export function PodMap({ groups }: { groups: MapGroup[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const rest = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const [width, setWidth] = useState(0);
  const [tip, setTip] = useState<Square | null>(null);
  const pods = useMemo(() => groups.reduce((sum, each) => sum + each.cells.length, 0), [groups]);

  useLayoutEffect(() => {
    const element = canvas.current!;
    painter.current = new Painter(element, rest.current!);
    painter.current.readColours();
    const measure = () => setWidth(element.parentElement!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.parentElement!);
    // Text is measured anew once its font is there.
    void document.fonts.ready.then(() => painter.current?.drawAll());
    return () => {
      observer.disconnect();
      painter.current?.stop();
    };
  }, []);
  useLayoutEffect(() => {
    if (width > 0) painter.current!.show(groups, width);
  }, [groups, width]);
  useEffect(() => painter.current?.readColours(), [dark.value]);

  const choose = (square: Square | undefined) => {
    if (square) setTip(painter.current!.select(square.cell.key) ?? null);
  };
  const leave = () => {
    painter.current!.select('');
    setTip(null);
  };
  return (
    <div class="podmap">
      <div class="podmap-both">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={t.overview.mapLabel(pods, groups.length)}
          aria-describedby="podmap-help"
          onPointerMove={(event) => {
            const square = painter.current!.at(event.offsetX, event.offsetY);
            event.currentTarget.style.cursor = square ? 'pointer' : 'default';
            if (square) choose(square);
            else if (tip) leave();
          }}
          onPointerLeave={leave}
          onBlur={leave}
          onClick={(event) => {
            const square = painter.current!.at(event.offsetX, event.offsetY);
            if (square) location.hash = square.cell.href;
          }}
          onKeyDown={(event) => {
            if (event.key.startsWith('Arrow')) {
              event.preventDefault();
              choose(painter.current!.beside(painter.current!.selected, event.key));
            } else if (event.key === 'Enter' && tip) {
              location.hash = tip.cell.href;
            }
          }}
        />
        <canvas ref={rest} class="podmap-rest" aria-hidden="true" />
      </div>
      <p id="podmap-help" class="hidden">{t.overview.mapHelp}</p>
      <div class="hidden" aria-live="polite">{tip ? `${tip.cell.name}, ${tip.cell.word}` : ''}</div>
      {tip && (
        <div
          class="tip"
          style={{
            left: `${Math.min(tip.x + 12, Math.max(0, width - 250))}px`,
            top: `${tip.y + (painter.current?.size ?? 0) + 8}px`,
          }}
        >
          <strong>{tip.cell.name}</strong>
          <span class={`badge tone-${tip.cell.tone}`}><i class="dot" />{tip.cell.word}</span>
        </div>
      )}
    </div>
  );
}
