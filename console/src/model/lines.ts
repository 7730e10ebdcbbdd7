// Lines of logs, as streams bring them: the newest are kept.

export interface Line {
  text: string;
  source: number; // Which of the streams said it.
  time: string; // As the server stamped it; "": it did not.
}

// The oldest lines go when there are more, or when they are longer together.
const kKeptMax = 20_000;
const kCharactersMax = 32 << 20;
// A longer line is broken.
const kLineMax = 1 << 20;
// What comes of several streams is put in order among so many of the last lines.
const kOrderedMax = 4_000;

// "2026-01-02T03:04:05.6Z text"
const kStamp = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) /;
const kZone = /(?:Z|[+-]\d\d:\d\d)$/;

// Of stamps of one zone, whose fractions are as long as they need to be.
function isAfter(one: string, other: string): boolean {
  return one.replace(kZone, '') > other.replace(kZone, '');
}

// Sequences by which programs colour a terminal, set its title or move its cursor, which a page does not draw:
// CSI, OSC, and those of two characters.
const kEscapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;

export function plain(text: string): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  return line.includes('\x1b') ? line.replace(kEscapes, '') : line;
}

export class Lines {
  all: Line[] = [];
  dropped = 0;
  private readonly rests: string[] = [];
  private readonly counts: number[] = [];
  private readonly newest: string[] = [];
  private readonly resumed = new Set<number>();
  private characters = 0;

  // `stamped`: each line begins with the moment when it was said, by which several streams are one.
  constructor(private readonly stamped = false) {}

  take(text: string, source = 0): void {
    const lines = ((this.rests[source] ?? '') + text).split('\n');
    let rest = lines.pop()!;
    if (rest.length > kLineMax) {
      lines.push(rest);
      rest = '';
    }
    this.rests[source] = rest;
    for (const line of lines) this.add(line, source);
    this.trim();
  }

  end(source = 0): void {
    if (this.rests[source]) this.take('\n', source);
  }

  // Its stream broke off, and is asked for anew from that moment on; "": it has said nothing yet. What was
  // shown already, which comes again with the second that it was said in, is left out; what was cut in the
  // middle comes whole.
  resume(source = 0): string {
    const newest = this.newest[source] ?? '';
    this.rests[source] = '';
    if (newest !== '') this.resumed.add(source);
    return newest;
  }

  // So many of its lines are kept.
  count(source: number): number {
    return this.counts[source] ?? 0;
  }

  private add(text: string, source: number): void {
    const time = this.stamped ? (kStamp.exec(text)?.[1] ?? '') : '';
    const isLater = time !== '' && isAfter(time, this.newest[source] ?? '');
    if (this.resumed.has(source) && !isLater) return;
    this.resumed.delete(source);
    if (isLater) this.newest[source] = time;
    this.counts[source] = this.count(source) + 1;
    const stamp = time === '' ? 0 : time.length + 1;
    const line = { text: plain(text.slice(stamp)), source, time };
    this.characters += line.text.length + stamp;
    let at = this.all.length;
    const least = Math.max(0, at - kOrderedMax);
    // A line without a stamp follows what it came after.
    while (time !== '' && at > least && isAfter(this.all[at - 1]!.time, time)) at -= 1;
    if (at === this.all.length) this.all.push(line);
    else this.all.splice(at, 0, line);
  }

  private trim(): void {
    let gone = 0;
    while (this.all.length - gone > kKeptMax || this.characters > kCharactersMax) {
      const { text, time, source } = this.all[gone]!;
      this.counts[source]! -= 1;
      this.characters -= text.length + (time === '' ? 0 : time.length + 1);
      gone += 1;
    }
    if (gone > 0) this.all = this.all.slice(gone);
    this.dropped += gone;
  }
}
