// Paints the map: a square a pod, coloured by how it is, on two canvases, one of what rests and one of what
// moves. Knows nothing of pods or of the page, and so runs in a worker. Frames are made only while something moves.
import { layoutMap, type MapLayout, squareAt } from '../model/maplayout';
import type { Tone } from '../model/pod';
import { Heads } from './heads';
import { type Head, kTones, type Look, type Mark, serialIn, type Show, toneIn } from './scene';

export type Canvas = HTMLCanvasElement | OffscreenCanvas;
export type Pen = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export interface Surface {
  above: Canvas; // What moves.
  below: Canvas; // What rests.
  make: () => Canvas; // One that nobody sees.
  paintMs: number; // Of a frame, for cards that have changed; the others have the next one.
  unveiled: (height: number) => void; // The canvases are of another size now, or have another layout.
}

interface Group {
  head: Head;
  marks: Uint32Array;
}

interface Place {
  group: number;
  index: number;
}

interface Square {
  x: number;
  y: number;
  tone: Tone;
}

// What does not look as it does at rest, or will not for a moment.
interface Move extends Place {
  tone: Tone;
  born: number;
  turned: number; // When its tone last changed.
}

interface Ghost {
  x: number;
  y: number;
  died: number;
}

interface Size {
  width: number;
  height: number;
}

const kLongAgo = -Infinity;
const kMoveMs = 420;
const kGoneAlpha = 0.4;
const kSharpMax = 9; // Squares of this size have no round corners.
const kLinesStep = 512; // Of pixels: to give a canvas another size takes long, and a map grows by little.

export function penOf(canvas: Canvas): Pen {
  const pen = canvas.getContext('2d') as Pen | null;
  if (pen === null) throw new Error('no 2d canvas');
  return pen;
}

export class Painter {
  private ghosts: Ghost[] = [];
  private groups: Group[] = [];
  private layout: MapLayout = layoutMap([], 1, 1);
  private look: Omit<Look, 'kind'> = { colours: {}, ratio: 1, isCalm: false };
  private frame = 0;
  private isStopped = false;
  // All that does not move, as it is until something else is to be shown; and what moves, by serial.
  private restIsOld = true;
  // What all that does not move will be, until every card is on it: none is seen half painted.
  private isStaged = false;
  private readonly staged: Canvas;
  private readonly heads: Heads;
  private readonly old = new Set<number>(); // Cards that do not look as they should, by number.
  private readonly moving = new Map<number, Move>();
  private chosen = 0;

  constructor(private readonly surface: Surface) {
    this.staged = surface.make();
    this.heads = new Heads(surface.make());
    penOf(surface.above);
    penOf(surface.below);
  }

  stop(): void {
    this.isStopped = true;
    cancelAnimationFrame(this.frame);
  }

  setLook(look: Omit<Look, 'kind'>): void {
    this.look = look;
    this.paintAll();
  }

  fontIsHere(): void {
    this.heads.fontIsHere();
    this.paintAll();
  }

  // Texts, too.
  private paintAll(): void {
    this.restIsOld = true;
    this.heads.forget();
    this.draw();
  }

  choose(serial: number): void {
    this.chosen = serial;
    this.draw();
  }

  show({ count, groups, layout, isSeen }: Omit<Show, 'kind'>): void {
    const time = performance.now();
    const isFirst = this.groups.length === 0;
    const before = this.layout;
    const gone = new Map<number, Place & { mark: Mark }>();
    const leave = (group: number) => this.groups[group]?.marks.forEach((mark, index) => gone.set(serialIn(mark), { group, index, mark }));
    for (const { at, marks } of groups) if (marks) leave(at);
    for (let at = count; at < this.groups.length; at += 1) leave(at);
    const squareOf = ({ group, index }: Place) => squareAt(before, before.cards[group]!, index);
    for (const { at, head, marks } of groups) {
      this.groups[at] = { head, marks: marks ?? this.groups[at]?.marks ?? new Uint32Array() };
      this.old.add(at);
      marks?.forEach((mark, index) => {
        const was = gone.get(serialIn(mark));
        gone.delete(serialIn(mark));
        this.come(mark, { group: at, index }, was?.mark, isFirst, time);
      });
    }
    this.groups.length = count;
    for (const [serial, place] of gone) {
      this.moving.delete(serial);
      // Where nobody looks nothing is painted, and so none of them would ever fade.
      if (isSeen && !this.look.isCalm && before.cards[place.group]) this.ghosts.push({ ...squareOf(place), died: time });
    }
    if (layout) this.layout = layout;
    this.restIsOld ||= layout !== undefined || !isAsLarge(this.isStaged ? this.staged : this.surface.above, this.pixels);
    this.draw();
  }

  private come(mark: Mark, place: Place, was: Mark | undefined, isFirst: boolean, time: number): void {
    const serial = serialIn(mark);
    const tone = toneIn(mark);
    const known = this.moving.get(serial);
    const born = known?.born ?? (was !== undefined || isFirst ? kLongAgo : time);
    const turned = was !== undefined && was !== mark ? time : (known?.turned ?? kLongAgo);
    const move = { ...place, tone, born, turned };
    if (this.isStill(move, time)) this.moving.delete(serial);
    else this.moving.set(serial, move);
  }

  private get pixels(): Size {
    const { ratio } = this.look;
    const lines = Math.ceil((this.layout.height * ratio) / kLinesStep);
    return { width: Math.max(1, Math.round(this.layout.width * ratio)), height: Math.max(1, lines) * kLinesStep };
  }

  private stage(): void {
    if (!isAsLarge(this.staged, this.pixels)) Object.assign(this.staged, this.pixels);
    this.isStaged = true;
    const pen = penOf(this.staged);
    const { ratio } = this.look;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.layout.width, this.layout.height);
    this.old.clear();
    this.groups.forEach((_, at) => this.old.add(at));
  }

  private unveil(): void {
    this.isStaged = false;
    const { width, height } = this.staged;
    const { ratio } = this.look;
    for (const each of [this.surface.above, this.surface.below]) {
      // This empties it.
      if (!isAsLarge(each, this.staged)) Object.assign(each, { width, height });
    }
    const rest = penOf(this.surface.below);
    rest.setTransform(1, 0, 0, 1, 0, 0);
    rest.clearRect(0, 0, width, height);
    rest.drawImage(this.staged, 0, 0);
    rest.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.surface.unveiled(this.layout.height);
  }

  private draw(): void {
    // One that is due already stays: news that come with every frame must not put it off for ever.
    if (this.frame === 0 && !this.isStopped) this.frame = requestAnimationFrame(() => this.paint(performance.now()));
  }

  private paint(time: number): void {
    this.frame = 0;
    const pen = penOf(this.surface.above);
    const rest = penOf(this.surface.below);
    const { ratio } = this.look;
    if (this.restIsOld) this.stage();
    this.restIsOld = false;
    if (this.isStaged) {
      this.paintCards(penOf(this.staged));
      if (this.old.size > 0) return this.draw();
      this.unveil();
    }
    this.paintCards(rest);
    // Those that have come to rest since.
    const still = [...this.moving].filter(([, move]) => this.isStill(move, time));
    for (const [serial] of still) this.moving.delete(serial);
    this.paintResting(rest, still.map(([, move]) => this.squareOf(move)));
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.surface.above.width, this.surface.above.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintMoving(pen, time);
    this.paintGhosts(pen, time);
    this.paintChosen(pen);
    const goesOn = !this.look.isCalm && (this.moving.size > 0 || this.ghosts.length > 0);
    if (goesOn || this.old.size > 0) this.draw();
  }

  // As many as there is time for; the others stay old.
  private paintCards(pen: Pen): void {
    const start = performance.now();
    const painted: number[] = [];
    for (const at of [...this.old]) {
      this.old.delete(at);
      if (at >= this.groups.length) continue;
      this.paintCard(pen, this.groups[at]!, at);
      painted.push(at);
      if (performance.now() - start > this.surface.paintMs) break;
    }
    if (this.layout.head) {
      this.heads.paint(pen, this.layout, this.look, this.groups.length, painted.map((at) => ({ at, head: this.groups[at]!.head })));
    }
  }

  private paintCard(pen: Pen, { head, marks }: Group, at: number): void {
    const { colours } = this.look;
    const { head: room, pad } = this.layout;
    const { x, y, width, height } = this.layout.cards[at]!;
    pen.clearRect(x, y, width, height);
    pen.fillStyle = colours.card!;
    pen.strokeStyle = head.tone === 'good' ? colours.line! : colours[head.tone]!;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(x + 0.5, y + 0.5, width - 1, height - 1, room ? 10 : 5);
    pen.fill();
    pen.stroke();
    pen.fillStyle = colours.line!;
    if (room) pen.fillRect(x + pad, y + 29, width - pad * 2, 2);
    pen.fillStyle = colours.accent!;
    if (room) pen.fillRect(x + pad, y + 29, (width - pad * 2) * Math.min(1, head.share), 2);
    const squares: Square[] = [];
    marks.forEach((mark, index) => {
      if (!this.moving.has(serialIn(mark))) squares.push(this.squareOf({ group: at, index, tone: toneIn(mark) }));
    });
    this.paintResting(pen, squares);
  }

  private squareOf({ group, index, tone }: Place & { tone: Tone }): Square {
    return { ...squareAt(this.layout, this.layout.cards[group]!, index), tone };
  }

  private get round(): number {
    return Math.min(6, this.layout.size / 3.5);
  }

  // One path a colour.
  private paintResting(pen: Pen, squares: Square[]): void {
    const size = this.layout.size;
    for (const tone of kTones) {
      const path = new Path2D();
      let isEmpty = true;
      for (const each of squares) {
        if (each.tone !== tone) continue;
        isEmpty = false;
        if (size <= kSharpMax) path.rect(each.x, each.y, size, size);
        else path.roundRect(each.x, each.y, size, size, this.round);
      }
      if (isEmpty) continue;
      pen.globalAlpha = tone === 'gone' ? kGoneAlpha : 1;
      pen.fillStyle = this.look.colours[tone]!;
      pen.fill(path);
    }
    pen.globalAlpha = 1;
  }

  private paintMoving(pen: Pen, time: number): void {
    const size = this.layout.size;
    const { isCalm, colours } = this.look;
    for (const move of this.moving.values()) {
      const { x, y, tone } = this.squareOf(move);
      const grown = isCalm ? 1 : moved(time - move.born);
      const turn = isCalm ? 1 : moved(time - move.turned);
      const scale = grown < 1 ? 1 - (1 - grown) ** 3 : 1 + 0.25 * Math.sin(Math.PI * turn);
      const half = (size * (1 - scale)) / 2;
      pen.globalAlpha = tone === 'gone' ? kGoneAlpha : tone === 'busy' && !isCalm ? 0.7 + 0.3 * Math.sin(time / 220) : 1;
      pen.fillStyle = colours[tone]!;
      // As those that rest: of small ones nobody sees corners, and a path for each takes several times as long.
      if (size <= kSharpMax) {
        pen.fillRect(x + half, y + half, size * scale, size * scale);
        continue;
      }
      pen.beginPath();
      pen.roundRect(x + half, y + half, size * scale, size * scale, this.round * scale);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  private paintGhosts(pen: Pen, time: number): void {
    this.ghosts = this.ghosts.filter((each) => time - each.died < kMoveMs);
    pen.fillStyle = this.look.colours.gone!;
    for (const each of this.ghosts) {
      const left = 1 - moved(time - each.died);
      const [size, half] = [this.layout.size * left, (this.layout.size * (1 - left)) / 2];
      pen.globalAlpha = left * 0.6;
      pen.fillRect(each.x + half, each.y + half, size, size);
    }
    pen.globalAlpha = 1;
  }

  private paintChosen(pen: Pen): void {
    if (this.chosen === 0) return;
    const isChosen = (mark: Mark) => serialIn(mark) === this.chosen;
    const group = this.groups.findIndex(({ marks }) => marks.some(isChosen));
    if (group < 0) return;
    const { x, y } = squareAt(this.layout, this.layout.cards[group]!, this.groups[group]!.marks.findIndex(isChosen));
    const size = this.layout.size;
    pen.strokeStyle = this.look.colours.text!;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.roundRect(x - 2, y - 2, size + 4, size + 4, this.round + 2);
    pen.stroke();
  }

  private isStill({ tone, born, turned }: Move, time: number): boolean {
    return tone !== 'busy' && (this.look.isCalm || (moved(time - born) >= 1 && moved(time - turned) >= 1));
  }
}

// How far a move is, 0 to 1.
function moved(ms: number): number {
  return Math.max(0, Math.min(1, ms / kMoveMs));
}

function isAsLarge(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}
