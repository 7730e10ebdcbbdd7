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

// What is known of a stream.
interface Said {
  rest: string; // Of its last line, which has no end yet.
  lines: number; // That are kept.
  newest: string; // When it said its last one; "": unknown.
  isResumed: boolean;
}

export class Lines {
  all: Line[] = [];
  dropped = 0;
  private readonly streams = new Map<number, Said>();
  private characters = 0;

  // `stamped`: each line begins with the moment when it was said, by which several streams are one.
  constructor(private readonly stamped = false) {}

  take(text: string, source = 0): void {
    const said = this.of(source);
    const lines = (said.rest + text).split('\n');
    let rest = lines.pop()!;
    if (rest.length > kLineMax) {
      lines.push(rest);
      rest = '';
    }
    said.rest = rest;
    for (const line of lines) this.add(line, source, said);
    this.trim();
  }

  end(source = 0): void {
    if (this.streams.get(source)?.rest) this.take('\n', source);
  }

  // Its stream broke off, and is asked for anew from that moment on; "": it has said nothing yet. What was
  // shown already, which comes again with the second that it was said in, is left out; what was cut in the
  // middle comes whole.
  resume(source = 0): string {
    const said = this.of(source);
    said.rest = '';
    said.isResumed ||= said.newest !== '';
    return said.newest;
  }

  // So many of its lines are kept.
  count(source: number): number {
    return this.streams.get(source)?.lines ?? 0;
  }

  // Nothing more comes of it. Its lines stay, and what is known of it goes with the last of them.
  close(source: number): void {
    this.end(source);
    if (this.count(source) === 0) this.streams.delete(source);
  }

  // Of so many streams something is known.
  get known(): number {
    return this.streams.size;
  }

  private of(source: number): Said {
    let said = this.streams.get(source);
    if (!said) this.streams.set(source, (said = { rest: '', lines: 0, newest: '', isResumed: false }));
    return said;
  }

  private add(text: string, source: number, said: Said): void {
    const time = this.stamped ? (kStamp.exec(text)?.[1] ?? '') : '';
    const isLater = time !== '' && isAfter(time, said.newest);
    if (said.isResumed && !isLater) return;
    said.isResumed = false;
    if (isLater) said.newest = time;
    said.lines += 1;
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
      const said = this.streams.get(source);
      if (said) said.lines -= 1;
      this.characters -= text.length + (time === '' ? 0 : time.length + 1);
      gone += 1;
    }
    if (gone > 0) this.all = this.all.slice(gone);
    this.dropped += gone;
  }
}
