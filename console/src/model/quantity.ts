// Kubernetes' quantities ("250m", "64Mi") as numbers, and numbers as people read them.

const kFactors: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

// 0 for what is none.
export function quantity(text: string | undefined): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$/.exec(text ?? '');
  if (!match) return 0;
  return Number(match[1]) * (kFactors[match[2]!] ?? 0);
}

export function cores(value: number): string {
  if (value === 0) return '0';
  return value < 1 ? `${Math.round(value * 1000)}m` : trim(value, 1);
}

export function bytes(value: number): string {
  const units = ['B', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${trim(value, value < 10 ? 1 : 0)} ${units[at]}`;
}

function trim(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, '');
}
