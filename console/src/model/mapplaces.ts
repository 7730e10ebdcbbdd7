// Which pod is where on the map: what a pointer is on, and where an arrow key leads.
import { indexAt, layoutMap, type MapLayout, squareAt } from './maplayout';
import type { Tone } from './pod';

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

export interface Square {
  cell: MapCell;
  x: number;
  y: number;
}

const kHeightMax = 520;

export class MapPlaces {
  private groups: MapGroup[] = [];
  private last: MapLayout | undefined;

  get layout(): MapLayout {
    this.last ??= layoutMap([], 1, 1);
    return this.last;
  }

  // Squares stay where they are as far as there is room.
  arrange(groups: MapGroup[], width: number): void {
    const counts = groups.map(({ cells, room }) => Math.max(cells.length, room ?? 0));
    this.last = layoutMap(counts, width, kHeightMax, this.groups.length > 0 ? this.last : undefined);
    this.groups = groups;
  }

  at(x: number, y: number): Square | undefined {
    for (const [group, { cells }] of this.groups.entries()) {
      const index = indexAt(this.layout, this.layout.cards[group]!, x, y);
      if (cells[index]) return this.square(group, index);
    }
    return undefined;
  }

  by(key: string): Square | undefined {
    for (const [group, { cells }] of this.groups.entries()) {
      const index = cells.findIndex((each) => each.key === key);
      if (index >= 0) return this.square(group, index);
    }
    return undefined;
  }

  // The square that an arrow key leads to.
  beside(key: string, arrow: string): Square | undefined {
    const all = this.groups.flatMap(({ cells }, group) => cells.map((_, index) => this.square(group, index)));
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

  private square(group: number, index: number): Square {
    return { cell: this.groups[group]!.cells[index]!, ...squareAt(this.layout, this.layout.cards[group]!, index) };
  }
}
