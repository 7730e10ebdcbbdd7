// Paints the lines of a topology that has hundreds of them, a canvas a gap between two columns. Runs in a worker, as
// the map's painter: strokes of a thousand lines take longer than a picture of the page has.
import { type Canvas, penOf } from './painter';
import type { GapNews } from './scene';

// Of pixels. One that is given another size shows what it had, as high as it is now, until it is painted: a picture
// grows by little, and so seldom comes to that.
const kLinesStep = 2_048;

export class Wires {
  private readonly news = new Map<number, GapNews>(); // What is to be painted, by gap.
  private frame = 0;

  constructor(private readonly canvases: Canvas[]) {
    canvases.forEach(penOf);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.canvases.length = 0;
  }

  // Of several between two pictures the last.
  show(gap: GapNews): void {
    this.news.set(gap.at, gap);
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    for (const [at, gap] of this.news) if (this.canvases[at]) paintGap(this.canvases[at], gap);
    this.news.clear();
  }
}

function paintGap(canvas: Canvas, { width, height, ratio, colours, bundles }: GapNews): void {
  const across = Math.max(1, Math.round(width * ratio));
  const down = Math.max(1, Math.ceil((height * ratio) / kLinesStep)) * kLinesStep;
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const pen = penOf(canvas);
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, across, down);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const { tone, wide, ends } of bundles) {
    pen.strokeStyle = colours[tone]!;
    pen.lineWidth = wide;
    // Each by itself: one path of hundreds that cross takes much longer.
    for (let end = 0; end < ends.length; end += 2) {
      const [left, right] = [ends[end]!, ends[end + 1]!];
      pen.beginPath();
      pen.moveTo(0, left);
      pen.bezierCurveTo(width / 2, left, width / 2, right, width, right);
      pen.stroke();
    }
  }
}
