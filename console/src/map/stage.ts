// The page's side of the map's painter: says what has changed since it was last told. The painter is in a
// worker where the browser can, else here, some cards a picture.
import fontUrl from '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url';

import type { MapLayout } from '../model/maplayout';
import type { MapCell, MapGroup } from '../model/mapplaces';
import { canPaintAside, workerOr } from './aside';
import { Painter } from './painter';
import { type Begin, type Font, type GroupNews, type Head, kTones, markOf, type ToPainter, type Unveiled } from './scene';
import { tell } from './tell';

const kOwnPaintMs = 3; // Of a picture of the page.
const kSerialsSpare = 1_000;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

interface Canvases {
  above: HTMLCanvasElement;
  below: HTMLCanvasElement;
}

// Who paints: told in order.
interface Hand {
  tell: (message: Exclude<ToPainter, Font>, gone?: Transferable[]) => void;
  fontIsHere: () => void;
  stop: () => void;
}

// Throws where the browser does not let it. A canvas that was given away is not had back: who hears
// `broken` shows others.
function aside({ above, below }: Canvases, unveiled: (height: number) => void, broken: () => void): Hand {
  const worker = workerOr(broken);
  worker.onmessage = ({ data }: MessageEvent<Unveiled>) => unveiled(data.height);
  const begin: Begin = { kind: 'begin', above: above.transferControlToOffscreen(), below: below.transferControlToOffscreen() };
  worker.postMessage(begin, [begin.above, begin.below]);
  const font: Font = { kind: 'font', url: new URL(fontUrl, document.baseURI).href };
  worker.postMessage(font);
  return {
    tell: (message, gone = []) => worker.postMessage(message, gone), fontIsHere: () => undefined, stop: () => worker.terminate(),
  };
}

function here({ above, below }: Canvases, unveiled: (height: number) => void): Hand {
  const make = () => document.createElement('canvas');
  const painter = new Painter({ above, below, paintMs: kOwnPaintMs, make, unveiled });
  return {
    tell: (message) => tell(painter, message), fontIsHere: () => painter.fontIsHere(), stop: () => painter.stop(),
  };
}

export class Stage {
  private readonly hand: Hand;
  private sent: MapGroup[] = [];
  private layout: MapLayout | null = null;
  // Numbers of pods, by key: of those shown, and of some that were.
  private readonly serials = new Map<string, number>();
  private lastSerial = 0;
  private readonly lookAgain = () => this.look();

  constructor(private readonly canvases: Canvases, unveiled: (height: number) => void, broken: () => void) {
    this.hand = canPaintAside() ? aside(canvases, unveiled, broken) : here(canvases, unveiled);
    calm.addEventListener('change', this.lookAgain);
    // Text is measured anew once its font is there.
    void document.fonts.ready.then(() => this.hand.fontIsHere());
    this.look();
  }

  stop(): void {
    calm.removeEventListener('change', this.lookAgain);
    this.hand.stop();
  }

  look(): void {
    const style = getComputedStyle(this.canvases.above);
    const colours: Record<string, string> = {};
    for (const name of [...kTones, 'card', 'line', 'text', 'dim', 'accent']) {
      colours[name] = style.getPropertyValue(`--map-${name}`).trim();
    }
    this.hand.tell({ kind: 'look', colours, ratio: devicePixelRatio || 1, isCalm: calm.matches });
  }

  choose(cell: MapCell | undefined): void {
    this.hand.tell({ kind: 'choose', serial: cell ? this.serialOf(cell) : 0 });
  }

  show(groups: MapGroup[], layout: MapLayout): void {
    const news: GroupNews[] = [];
    groups.forEach((group, at) => {
      const old = this.sent[at];
      const [head, had] = [headOf(group), old && headOf(old)];
      if (old?.cells !== group.cells) news.push({ at, head, marks: this.marksOf(group.cells) });
      else if (!had || !looksAs(head, had)) news.push({ at, head });
    });
    const isOther = layout !== this.layout;
    if (news.length > 0 || isOther || groups.length !== this.sent.length) {
      this.hand.tell({
        kind: 'show', count: groups.length, groups: news, layout: isOther ? layout : undefined, isSeen: !document.hidden,
      }, news.flatMap(({ marks }) => (marks ? [marks.buffer] : [])));
    }
    this.sent = groups;
    this.layout = layout;
    this.forgetSerials();
  }

  private marksOf(cells: MapCell[]): Uint32Array<ArrayBuffer> {
    const marks = new Uint32Array(cells.length);
    cells.forEach((cell, at) => (marks[at] = markOf(this.serialOf(cell), cell.tone)));
    return marks;
  }

  private serialOf({ key }: MapCell): number {
    const known = this.serials.get(key);
    if (known !== undefined) return known;
    this.lastSerial += 1;
    this.serials.set(key, this.lastSerial);
    return this.lastSerial;
  }

  private forgetSerials(): void {
    const shown = this.sent.reduce((sum, { cells }) => sum + cells.length, 0);
    if (this.serials.size <= shown * 2 + kSerialsSpare) return;
    const known = new Set(this.sent.flatMap(({ cells }) => cells.map(({ key }) => key)));
    for (const key of this.serials.keys()) if (!known.has(key)) this.serials.delete(key);
  }
}

function headOf({ title, sub, share, tone }: MapGroup): Head {
  return { title, sub, share, tone };
}

function looksAs(one: Head, other: Head): boolean {
  return one.title === other.title && one.sub === other.sub && one.share === other.share && one.tone === other.tone;
}
