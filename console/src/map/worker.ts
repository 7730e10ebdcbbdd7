// The map's painter, or that of a topology's lines, on a thread of its own, so that no picture of it keeps the page
// waiting.
import { Painter } from './painter';
import type { Begin, BeginWires, GapNews, ToPainter, Unveiled } from './scene';
import { tell } from './tell';
import { Wires } from './wires';

// What this file sees of where it runs: the page's types, which are all that is set up, have no worker.
interface Scope {
  onmessage: ((event: MessageEvent<Begin | BeginWires | GapNews | ToPainter>) => void) | null;
  postMessage: (message: Unveiled) => void;
  fonts: FontFaceSet;
}

const scope = self as unknown as Scope;
let painter: Painter | null = null;
let wires: Wires | null = null;

// What is missing here is thrown: the page hears of it, and paints by itself.
function needFrames(): void {
  if (typeof requestAnimationFrame !== 'function') throw new Error('no frames in a worker');
}

function begin({ above, below }: Begin): Painter {
  needFrames();
  return new Painter({
    above, below, paintMs: Infinity, make: () => new OffscreenCanvas(1, 1),
    unveiled: (height) => scope.postMessage({ kind: 'unveiled', height }),
  });
}

// A font that does not come leaves the system's.
async function take(url: string): Promise<void> {
  const font = new FontFace('Inter Variable', `url("${url}")`, { weight: '100 900' });
  scope.fonts.add(font);
  await font.load().then(() => painter?.fontIsHere(), () => undefined);
}

scope.onmessage = ({ data }) => {
  if (data.kind === 'begin') painter = begin(data);
  else if (data.kind === 'wires') {
    needFrames();
    wires = new Wires(data.canvases);
  } else if (data.kind === 'gap') wires?.show(data);
  else if (data.kind === 'font') void take(data.url);
  else if (painter !== null) tell(painter, data);
};
