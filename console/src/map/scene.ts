// What the page tells who paints its map, be that a worker or the page itself: only what has changed, and
// of a pod no more than a number, so that telling costs next to nothing.
import type { MapLayout } from '../model/maplayout';
import type { Tone } from '../model/pod';
import type { Bundle } from '../model/wires';

export const kTones: Tone[] = ['good', 'busy', 'warn', 'bad', 'done', 'gone', 'none'];
const kToneRoom = 8; // Tones there may be.

// A pod's own number, which stays while the pod is there, and how it is: both in one.
export type Mark = number;

export function markOf(serial: number, tone: Tone): Mark {
  return serial * kToneRoom + kTones.indexOf(tone);
}

export function serialIn(mark: Mark): number {
  return Math.floor(mark / kToneRoom);
}

export function toneIn(mark: Mark): Tone {
  return kTones[mark % kToneRoom]!;
}

// Of a card, above its squares.
export interface Head {
  title: string;
  sub: string;
  share: number;
  tone: Tone;
}

export interface GroupNews {
  at: number;
  head: Head;
  marks?: Uint32Array; // Left out: they are as they were.
}

export interface Show {
  kind: 'show';
  count: number; // Of groups; those beyond are gone.
  groups: GroupNews[];
  layout?: MapLayout;
  isSeen: boolean;
}

export interface Look {
  kind: 'look';
  colours: Record<string, string>;
  ratio: number; // Of pixels.
  isCalm: boolean; // Nothing is to move.
}

export interface Choose {
  kind: 'choose';
  serial: number; // 0: none.
}

export interface Font {
  kind: 'font';
  url: string;
}

// The first thing that a worker is told.
export interface Begin {
  kind: 'begin';
  above: OffscreenCanvas;
  below: OffscreenCanvas;
}

export type ToPainter = Show | Look | Choose | Font;

// The first thing that a worker is told that is to paint a topology's lines; then of gaps that look different now.
export interface BeginWires {
  kind: 'wires';
  canvases: OffscreenCanvas[]; // One a gap.
}

export interface GapNews {
  kind: 'gap';
  at: number;
  width: number;
  height: number;
  ratio: number; // Of pixels.
  colours: Record<string, string>;
  bundles: Bundle[];
}

// All of the map stands on another canvas now.
export interface Unveiled {
  kind: 'unveiled';
  height: number;
}
