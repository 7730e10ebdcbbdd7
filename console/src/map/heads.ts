// What stands above the squares of a card. Written on a canvas that is no part of the page and copied from
// there: to set the font of one that is has the whole page laid out.
import type { MapLayout } from '../model/maplayout';
import { type Canvas, type Pen, penOf } from './painter';
import type { Head, Look } from './scene';

const kLineHeight = 20;
const kPlain = 'system-ui, sans-serif';
// Named only once it is there: what a worker's canvas was first given for a font's words, it gives for good.
const kFont = `"Inter Variable", ${kPlain}`;

interface Written {
  at: number; // Of its card.
  head: Head;
}

export class Heads {
  private readonly titles = new Map<string, string>(); // As there is room for them.

  private font = kPlain;

  // One for all: to make one for each takes long.
  constructor(private readonly strip: Canvas) {}

  fontIsHere(): void {
    this.font = kFont;
    this.forget();
  }

  forget(): void {
    this.titles.clear();
  }

  // `groups`: how many there are, and so titles to be remembered.
  paint(pen: Pen, layout: MapLayout, { ratio, colours }: Omit<Look, 'kind'>, groups: number, all: Written[]): void {
    const width = Math.ceil((layout.cards[all[0]?.at ?? 0]?.width ?? 0) - layout.pad * 2);
    if (all.length === 0 || width <= 0) return;
    if (this.titles.size > groups * 4 + 100) this.titles.clear();
    const line = Math.ceil(kLineHeight * ratio);
    const across = Math.ceil(width * ratio);
    const { strip } = this;
    // This empties it.
    if (strip.width !== across || strip.height < line * all.length) {
      Object.assign(strip, { width: across, height: line * Math.max(all.length, groups) });
    }
    const text = penOf(strip);
    text.setTransform(ratio, 0, 0, ratio, 0, 0);
    text.clearRect(0, 0, width + 1, (line * all.length) / ratio);
    text.textBaseline = 'middle';
    const middle = (row: number) => (row * line) / ratio + kLineHeight / 2;
    const room = new Map<Head, number>(); // For titles that have not been measured.
    const keyOf = ({ title, sub }: Head) => `${width} ${sub.length} ${title}`;
    text.font = `500 11.5px ${this.font}`;
    text.fillStyle = colours.dim!;
    text.textAlign = 'right';
    all.forEach(({ head }, row) => {
      text.fillText(head.sub, width, middle(row));
      if (!this.titles.has(keyOf(head))) room.set(head, width - text.measureText(head.sub).width - 8);
    });
    text.textAlign = 'left';
    text.font = `600 12.5px ${this.font}`;
    text.fillStyle = colours.text!;
    all.forEach(({ head }, row) => {
      if (room.has(head)) this.titles.set(keyOf(head), fitted(text, head.title, room.get(head)!));
      text.fillText(this.titles.get(keyOf(head))!, 0, middle(row));
    });
    const sharp = (place: number) => Math.round(place * ratio) / ratio;
    all.forEach(({ at }, row) => {
      const { x, y } = layout.cards[at]!;
      pen.drawImage(strip, 0, row * line, strip.width, line,
                    sharp(x + layout.pad), sharp(y + 17 - kLineHeight / 2), strip.width / ratio, line / ratio);
    });
  }
}

function fitted(pen: Pen, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}
