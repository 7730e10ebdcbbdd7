// The page's side of the painter of a topology's lines: tells it of the gaps that look different now.
import { type Gap, isSameGap } from '../model/wires';
import { canPaintAside, workerOr } from './aside';
import type { BeginWires, GapNews } from './scene';
import { Wires } from './wires';

// No browser has a canvas that is much higher.
const kHighMax = 16_000;

export type WireLook = Pick<GapNews, 'height' | 'colours'>;

interface Hand {
  show: (gap: GapNews) => void;
  stop: () => void;
}

// A canvas that was given away is not had back: who hears `broken` shows others.
function aside(canvases: HTMLCanvasElement[], broken: () => void): Hand {
  const worker = workerOr(broken);
  const begin: BeginWires = { kind: 'wires', canvases: canvases.map((each) => each.transferControlToOffscreen()) };
  worker.postMessage(begin, begin.canvases);
  return { show: (gap) => worker.postMessage(gap), stop: () => worker.terminate() };
}

export class WireStage {
  private readonly hand: Hand;
  private sent: { gap: Gap; width: number; look: WireLook }[] = [];

  constructor(canvases: HTMLCanvasElement[], broken: () => void) {
    this.hand = canPaintAside() ? aside(canvases, broken) : new Wires([...canvases]);
  }

  stop(): void {
    this.hand.stop();
  }

  // The same look is the same object.
  show(gaps: Gap[], widths: number[], look: WireLook): void {
    const { height } = look;
    const ratio = Math.min(devicePixelRatio || 1, kHighMax / Math.max(1, height));
    gaps.forEach((gap, at) => {
      const [width, old] = [widths[at]!, this.sent[at]];
      if (old && old.width === width && old.look === look && isSameGap(gap, old.gap)) return;
      this.hand.show({ kind: 'gap', at, width, ratio, ...look, bundles: gap.bundles });
      this.sent[at] = { gap, width, look };
    });
  }
}
