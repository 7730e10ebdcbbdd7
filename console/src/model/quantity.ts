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

// Whole units, as the scheduler counts them: thousandths of a core, bytes, pieces.
export function unitsOf(resource: string, text: string | undefined): number {
  const value = quantity(text);
  // What floating point adds to it is none.
  return Math.ceil(Number((resource === 'cpu' ? value * 1000 : value).toFixed(3)));
}

const kUnits: [number, string][] = [[2 ** 40, 'Ti'], [2 ** 30, 'Gi'], [2 ** 20, 'Mi'], [2 ** 10, 'Ki']];

// With one digit; of two that are as near the even one, as fmt rounds.
function tenthsOf(value: number): string {
  const low = Math.floor(value * 10);
  const rest = value * 10 - low;
  return ((rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low) / 10).toFixed(1);
}

// Such units as `skiff why` tells them: "800m", "1.5Gi".
export function amountText(resource: string, units: number): string {
  if (resource === 'cpu') {
    const suffixes = ['m', '', 'k', 'M', 'G'];
    let at = 0;
    for (; units > 0 && units % 1000 === 0 && at < suffixes.length - 1; at += 1) units /= 1000;
    return units === 0 ? '0' : `${units}${suffixes[at]}`;
  }
  if (resource !== 'memory' && resource !== 'ephemeral-storage' && !resource.startsWith('hugepages-')) return `${units}`;
  const [unit, suffix] = kUnits.find(([each]) => units >= each) ?? [1, ''];
  return `${units % unit === 0 ? units / unit : tenthsOf(units / unit)}${suffix}`;
}
