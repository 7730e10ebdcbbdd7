// How wide columns are.

// The least that they take together, each "80px" or "minmax(80px, 1fr)", with what is between, before and behind them.
export function leastOf(widths: string[], gap: number, edge: number): number {
  const each = widths.map((width) => Number(/^(?:minmax\()?([\d.]+)px/.exec(width)?.[1] ?? 0));
  return each.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1) + 2 * edge;
}
