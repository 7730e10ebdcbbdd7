// The rows of a table that fit some words, in some order. What is looked at of a row is kept as long as the
// row is, and its place of the last time is where the next sort begins: of thousands, few are others.
export interface Sieve<T> {
  words: string[]; // In lower case; a row has all of them.
  textOf: (row: T) => string; // Of the row alone, as is `key`.
  by?: { id: string; key: (row: T) => string | number; down: boolean }; // Left out: as they are given.
}

interface Keyed<T> {
  row: T;
  key: string | number;
  at: number; // As given: who is equal stays in that order.
}

export class Sifter<T extends object> {
  private readonly texts = new WeakMap<T, string>();
  private readonly keys = new Map<string, WeakMap<T, string | number>>(); // By column.
  private last: T[] = [];

  sift(rows: T[], { words, textOf, by }: Sieve<T>): T[] {
    const fitting = words.length === 0 ? rows : rows.filter((row) => {
      const text = this.textOf(row, textOf);
      return words.every((word) => text.includes(word));
    });
    this.last = by ? this.sorted(fitting, by) : [];
    return by ? this.last : fitting;
  }

  private sorted(rows: T[], { id, key, down }: NonNullable<Sieve<T>['by']>): T[] {
    let known = this.keys.get(id);
    if (!known) this.keys.set(id, (known = new WeakMap()));
    const left = new Map<T, Keyed<T>>();
    rows.forEach((row, at) => {
      let mine = known.get(row);
      if (mine === undefined) known.set(row, (mine = key(row)));
      left.set(row, { row, key: mine, at });
    });
    const nearly: Keyed<T>[] = [];
    for (const row of this.last) {
      const each = left.get(row);
      if (!each) continue;
      nearly.push(each);
      left.delete(row);
    }
    nearly.push(...left.values());
    const side = down ? -1 : 1;
    nearly.sort((a, b) => (a.key < b.key ? -side : a.key > b.key ? side : a.at - b.at));
    return nearly.map((each) => each.row);
  }

  private textOf(row: T, of: (row: T) => string): string {
    let text = this.texts.get(row);
    if (text === undefined) this.texts.set(row, (text = of(row).toLowerCase()));
    return text;
  }
}
