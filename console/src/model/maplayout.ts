// Where on a picture of some width groups of equal squares go: cards side by side, row by row, with
// squares as large as lets everything be seen at once.

export interface Card {
  x: number;
  y: number;
  width: number;
  height: number;
  perRow: number;
  room: number; // How many squares find a place in it.
}

export interface MapLayout {
  size: number; // Of a square.
  gap: number;
  head: number; // Of a card, above its squares.
  pad: number;
  width: number; // Of all.
  height: number;
  cards: Card[];
}

const kTooHigh = 1.5;
const kSpare = 1.15; // For more than there is, where more has come already.
const kSizes = [26, 22, 18, 14, 11, 9, 7, 5];

function arrange(counts: number[], width: number, size: number): MapLayout {
  const many = counts.length > 150;
  const gap = size >= 14 ? 4 : size >= 9 ? 3 : 2;
  const pad = many ? 6 : 12;
  const head = many ? 0 : 40;
  const space = many ? 6 : 12;
  const least = many ? 64 : 190;
  const columns = Math.max(1, Math.min(counts.length, Math.floor((width + space) / (least + space))));
  const card = (width - space * (columns - 1)) / columns;
  const perRow = Math.max(1, Math.floor((card - pad * 2 + gap) / (size + gap)));
  const cards: Card[] = [];
  let y = 0;
  for (let start = 0; start < counts.length; start += columns) {
    const row = counts.slice(start, start + columns);
    const lines = Math.max(1, ...row.map((n) => Math.ceil(n / perRow)));
    const height = head + pad * (many ? 2 : 1) + lines * (size + gap) - gap;
    row.forEach((_, at) => cards.push({ x: at * (card + space), y, width: card, height, perRow, room: lines * perRow }));
    y += height + space;
  }
  return { size, gap, head, pad, width, height: Math.max(0, y - space), cards };
}

// Where all fits into the last one, that one stays, unless it has become much too high, or squares could be
// larger with room to spare: while pods come and go, a square here and there is no reason to move the others.
export function layoutMap(counts: number[], width: number, heightMax: number, last?: MapLayout): MapLayout {
  const fresh = layoutAnew(counts, width, heightMax);
  if (!last || last.width !== width) return fresh;
  const spare = layoutAnew(counts.map((count) => count * kSpare), width, heightMax);
  if (last.cards.length !== counts.length || last.size < spare.size || last.height > fresh.height * kTooHigh) return spare;
  return counts.every((count, at) => count <= last.cards[at]!.room) ? last : spare;
}

function layoutAnew(counts: number[], width: number, heightMax: number): MapLayout {
  let layout = arrange(counts, width, kSizes[0]!);
  for (const size of kSizes.slice(1)) {
    if (layout.height <= heightMax) break;
    layout = arrange(counts, width, size);
  }
  return layout;
}

export function squareAt(layout: MapLayout, card: Card, index: number): { x: number; y: number } {
  const step = layout.size + layout.gap;
  return {
    x: card.x + layout.pad + (index % card.perRow) * step,
    y: card.y + (layout.head || layout.pad) + Math.floor(index / card.perRow) * step,
  };
}

// The number of the square that a point is on or beside; -1: of none, for all the room it has.
export function indexAt(layout: MapLayout, card: Card, x: number, y: number): number {
  const step = layout.size + layout.gap;
  const column = Math.floor((x - card.x - layout.pad + layout.gap / 2) / step);
  const row = Math.floor((y - card.y - (layout.head || layout.pad) + layout.gap / 2) / step);
  return column < 0 || column >= card.perRow || row < 0 || y > card.y + card.height ? -1 : row * card.perRow + column;
}
