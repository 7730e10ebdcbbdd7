// Nodes with their pods as a picture: a square a pod, coloured by how it is. Drawn on a canvas, whose
// frames are made only while something moves.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { layoutMap, type MapLayout, squareAt } from '../model/maplayout';
import type { Tone } from '../model/pod';
import { dark } from '../settings';
import { t } from '../texts';

interface MapCell {
  key: string;
  tone: Tone;
  name: string;
  word: string;
  href: string;
}

export interface MapGroup {
  key: string;
  title: string;
  sub: string;
  share: number; // How full it is, 0 to 1.
  tone: Tone;
  cells: MapCell[];
}

interface Square extends MapCell {
  x: number;
  y: number;
  born: number;
  turned: number; // When its tone last changed.
}

interface Ghost {
  x: number;
  y: number;
  died: number;
}

const kTones: Tone[] = ['good', 'busy', 'warn', 'bad', 'done', 'gone', 'none'];
const kMoveMs = 420;
const kHeightMax = 520;
const kFont = '"Inter Variable", system-ui, sans-serif';
const calm = matchMedia('(prefers-reduced-motion: reduce)');

class Painter {
  private squares = new Map<string, Square>();
  private ghosts: Ghost[] = [];
  private groups: MapGroup[] = [];
  private layout: MapLayout = layoutMap([], 1, 1);
  private width = 0;
  private frame = 0;
  private stopped = false;
  private colours: Record<string, string> = {};
  selected = '';

  constructor(private readonly canvas: HTMLCanvasElement) {}

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
    this.draw();
  }

  show(groups: MapGroup[], width: number): void {
    const time = performance.now();
    const first = this.squares.size === 0;
    this.groups = groups;
    this.width = width;
    this.layout = layoutMap(groups.map((each) => each.cells.length), width, kHeightMax);
    const next = new Map<string, Square>();
    groups.forEach((group, at) => {
      const card = this.layout.cards[at]!;
      group.cells.forEach((cell, index) => {
        const old = this.squares.get(cell.key);
        next.set(cell.key, {
          ...cell,
          ...squareAt(this.layout, card, index),
          born: old?.born ?? (first ? 0 : time),
          turned: old && old.tone !== cell.tone ? time : (old?.turned ?? 0),
        });
      });
    });
    for (const [key, old] of this.squares) {
      if (!next.has(key)) this.ghosts.push({ x: old.x, y: old.y, died: time });
    }
    this.squares = next;
    const ratio = devicePixelRatio || 1;
    const size = { width: Math.round(width * ratio), height: Math.round(this.layout.height * ratio) };
    if (this.canvas.width !== size.width || this.canvas.height !== size.height) {
      // This empties it, so it is painted at once.
      Object.assign(this.canvas, size);
      this.canvas.style.height = `${this.layout.height}px`;
      this.paint(time);
    } else {
      this.draw();
    }
  }

  at(x: number, y: number): Square | undefined {
    const reach = this.layout.gap / 2;
    for (const each of this.squares.values()) {
      if (x >= each.x - reach && x <= each.x + this.layout.size + reach &&
          y >= each.y - reach && y <= each.y + this.layout.size + reach) return each;
    }
    return undefined;
  }

  // The square that an arrow key leads to.
  beside(key: string, arrow: string): Square | undefined {
    const all = [...this.squares.values()];
    const from = this.squares.get(key);
    if (!from) return all[0];
    const at = all.indexOf(from);
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
    return this.squares.get(key);
  }

  draw(): void {
    // One that is due already stays: news that come with every frame must not put it off for ever.
    if (this.frame === 0 && !this.stopped) this.frame = requestAnimationFrame((time) => this.paint(time));
  }

  private paint(time: number): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const pen = this.canvas.getContext('2d')!;
    const ratio = devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.layout.height);
    this.paintCards(pen);
    const moving = this.paintSquares(pen, time);
    if (moving) this.draw();
  }

  private paintCards(pen: CanvasRenderingContext2D): void {
    const { head, pad } = this.layout;
    this.groups.forEach((group, at) => {
      const { x, y, width, height } = this.layout.cards[at]!;
      pen.fillStyle = this.colours.card!;
      pen.strokeStyle = group.tone === 'good' ? this.colours.line! : this.colours[group.tone]!;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.roundRect(x + 0.5, y + 0.5, width - 1, height - 1, head ? 10 : 5);
      pen.fill();
      pen.stroke();
      if (!head) return;
      pen.textBaseline = 'middle';
      pen.font = `500 11.5px ${kFont}`;
      pen.fillStyle = this.colours.dim!;
      pen.textAlign = 'right';
      pen.fillText(group.sub, x + width - pad, y + 17);
      const room = width - pad * 2 - pen.measureText(group.sub).width - 8;
      pen.textAlign = 'left';
      pen.font = `600 12.5px ${kFont}`;
      pen.fillStyle = this.colours.text!;
      pen.fillText(fitted(pen, group.title, room), x + pad, y + 17);
      pen.fillStyle = this.colours.line!;
      pen.fillRect(x + pad, y + 29, width - pad * 2, 2);
      pen.fillStyle = this.colours.accent!;
      pen.fillRect(x + pad, y + 29, (width - pad * 2) * Math.min(1, group.share), 2);
    });
  }

  // Whether another frame is needed. Squares that rest are one path a colour.
  private paintSquares(pen: CanvasRenderingContext2D, time: number): boolean {
    const size = this.layout.size;
    const round = Math.min(6, size / 3.5);
    const paths = new Map<Tone, Path2D>(kTones.map((tone) => [tone, new Path2D()]));
    let moving = false;
    for (const each of this.squares.values()) {
      const grown = calm.matches ? 1 : moved(time - each.born);
      const turned = calm.matches ? 1 : moved(time - each.turned);
      const path = paths.get(each.tone)!;
      if (grown >= 1 && turned >= 1) {
        if (size <= 9) path.rect(each.x, each.y, size, size);
        else path.roundRect(each.x, each.y, size, size, round);
        continue;
      }
      moving = true;
      const scale = grown < 1 ? 1 - (1 - grown) ** 3 : 1 + 0.25 * Math.sin(Math.PI * turned);
      const half = (size * (1 - scale)) / 2;
      path.roundRect(each.x + half, each.y + half, size * scale, size * scale, round * scale);
    }
    for (const tone of kTones) {
      const pulsing = tone === 'busy' && !calm.matches && [...this.squares.values()].some((each) => each.tone === 'busy');
      pen.globalAlpha = tone === 'gone' ? 0.4 : pulsing ? 0.7 + 0.3 * Math.sin(time / 220) : 1;
      moving ||= pulsing;
      pen.fillStyle = this.colours[tone]!;
      pen.fill(paths.get(tone)!);
    }
    this.ghosts = this.ghosts.filter((each) => time - each.died < kMoveMs && !calm.matches);
    for (const each of this.ghosts) {
      const left = 1 - moved(time - each.died);
      pen.globalAlpha = left * 0.6;
      pen.fillStyle = this.colours.gone!;
      const half = (size * (1 - left)) / 2;
      pen.fillRect(each.x + half, each.y + half, size * left, size * left);
      moving = true;
    }
    pen.globalAlpha = 1;
    const chosen = this.squares.get(this.selected);
    if (chosen) {
      pen.strokeStyle = this.colours.text!;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.roundRect(chosen.x - 2, chosen.y - 2, size + 4, size + 4, round + 2);
      pen.stroke();
    }
    return moving;
  }
}

// How far a move is, 0 to 1. A frame bears the time when it began, which is before what it shows.
function moved(ms: number): number {
  return Math.max(0, Math.min(1, ms / kMoveMs));
}

function fitted(pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

export function PodMap({ groups }: { groups: MapGroup[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const [width, setWidth] = useState(0);
  const [tip, setTip] = useState<Square | null>(null);
  const pods = useMemo(() => groups.reduce((sum, each) => sum + each.cells.length, 0), [groups]);

  useLayoutEffect(() => {
    const element = canvas.current!;
    painter.current = new Painter(element);
    painter.current.readColours();
    const measure = () => setWidth(element.parentElement!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.parentElement!);
    // Text is measured anew once its font is there.
    void document.fonts.ready.then(() => painter.current?.draw());
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
    if (square) setTip(painter.current!.select(square.key) ?? null);
  };
  const leave = () => {
    painter.current!.select('');
    setTip(null);
  };
  return (
    <div class="podmap">
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
          if (square) location.hash = square.href;
        }}
        onKeyDown={(event) => {
          if (event.key.startsWith('Arrow')) {
            event.preventDefault();
            choose(painter.current!.beside(painter.current!.selected, event.key));
          } else if (event.key === 'Enter' && tip) {
            location.hash = tip.href;
          }
        }}
      />
      <p id="podmap-help" class="hidden">{t.overview.mapHelp}</p>
      <div class="hidden" aria-live="polite">{tip ? `${tip.name}, ${tip.word}` : ''}</div>
      {tip && (
        <div
          class="tip"
          style={{
            left: `${Math.min(tip.x + 12, Math.max(0, width - 250))}px`,
            top: `${tip.y + (painter.current?.size ?? 0) + 8}px`,
          }}
        >
          <strong>{tip.name}</strong>
          <span class={`badge tone-${tip.tone}`}><i class="dot" />{tip.word}</span>
        </div>
      )}
    </div>
  );
}
