// How wide columns are.

// The least that they take together, each "80px" or "minmax(80px, 1fr)", with what is between, before and behind them.
export function leastOf(widths: string[], gap: number, edge: number): number {
  const each = widths.map((width) => Number(/^(?:minmax\()?([\d.]+)px/.exec(width)?.[1] ?? 0));
  return each.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1) + 2 * edge;
}

interface Sized {
  width: string;
  wide?: boolean | number;
}

// Those of them that there is room for: what is least needed leaves first, which is the highest number, and of those
// that are as much needed the last. Those without one stay.
export function fitting<T extends Sized>(all: T[], room: number, gap: number, edge: number): T[] {
  let shown = all;
  const least = () => leastOf(shown.map((each) => each.width), gap, edge);
  const rank = ({ wide }: T) => Number(wide ?? 0);
  while (least() > room) {
    const most = Math.max(0, ...shown.map(rank));
    if (most === 0) break;
    const at = shown.findLastIndex((each) => rank(each) === most);
    shown = shown.filter((_, index) => index !== at);
  }
  return shown;
}
