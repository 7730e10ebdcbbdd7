// What somebody means by a few letters, in lower case: the nearest first.

const kWithin = 2; // Farther than the name that it begins.
const kScattered = 1_000; // Farther than wherever the letters stand side by side.

// null: the letters do not occur in this order. A name may stand behind its namespace: "shop/web".
export function distance(text: string, letters: string): number | null {
  const name = text.lastIndexOf('/') + 1;
  if (text.startsWith(letters, name)) return text.length === name + letters.length ? 0 : 1;
  const at = text.indexOf(letters);
  if (at >= 0) return kWithin + at;
  let from = 0;
  for (const letter of letters) {
    const next = text.indexOf(letter, from);
    if (next < 0) return null;
    from = next + 1;
  }
  return kScattered + from;
}

// As many as `most`; of those that are as near as each other the first stay first.
export function nearest<T>(all: T[], textOf: (each: T) => string, typed: string, most: number): { shown: T[]; left: number } {
  const letters = typed.toLowerCase().trim();
  const found: { each: T; far: number }[] = [];
  for (const each of all) {
    const far = distance(textOf(each).toLowerCase(), letters);
    if (far !== null) found.push({ each, far });
  }
  if (letters !== '') found.sort((a, b) => a.far - b.far);
  return { shown: found.slice(0, most).map(({ each }) => each), left: Math.max(0, found.length - most) };
}
