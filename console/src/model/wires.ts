// Hundreds of lines between the columns of a topology, as who paints them on canvases needs them: by the gap that
// they cross, and of those that look alike only where they begin and end.
import type { Tone } from './pod';
import type { Box, Column, Link } from './topology';

export interface Bundle {
  tone: Tone;
  wide: number;
  ends: Float32Array; // How far down each line is on the left and on the right, one after the other.
}

export interface Gap {
  after: Column; // The column on its left.
  bundles: Bundle[];
}

export const kGaps: Column[] = [0, 1, 2];

export function wideOf({ weight }: Link): number {
  return Math.min(6, 1 + Math.round(Math.sqrt(weight)) * 0.5);
}

// One for each of `kGaps`, in their order.
export function gapsOf(links: Link[], byId: Map<string, Box>): Gap[] {
  const all = kGaps.map(() => new Map<string, { tone: Tone; wide: number; ends: number[] }>());
  for (const link of links) {
    const [from, to] = [byId.get(link.from), byId.get(link.to)];
    if (!from || !to || to.column !== from.column + 1) continue;
    const alike = all[from.column]!;
    const key = `${link.tone} ${wideOf(link)}`;
    const bundle = alike.get(key) ?? { tone: link.tone, wide: wideOf(link), ends: [] };
    alike.set(key, bundle);
    bundle.ends.push(from.y + from.height / 2, to.y + to.height / 2);
  }
  return kGaps.map((after) => ({
    after, bundles: [...all[after]!.values()].map(({ ends, ...rest }) => ({ ...rest, ends: Float32Array.from(ends) })),
  }));
}

// Whether two gaps look the same: such a one is not painted again.
export function isSameGap(one: Gap, other: Gap): boolean {
  return one.bundles.length === other.bundles.length && one.bundles.every(({ tone, wide, ends }, at) => {
    const its = other.bundles[at]!;
    return tone === its.tone && wide === its.wide && ends.length === its.ends.length && ends.every((each, end) => each === its.ends[end]);
  });
}
