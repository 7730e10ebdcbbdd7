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

export class Lines {
  all: Line[] = [];
  dropped = 0;
  private readonly rests: string[] = [];
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

  private add(text: string, source: number): void {
    const time = this.stamped ? (kStamp.exec(text)?.[1] ?? '') : '';
    const line = { text: time === '' ? text : text.slice(time.length + 1), source, time };
    this.characters += text.length;
    let at = this.all.length;
    const least = Math.max(0, at - kOrderedMax);
    // Moments of one form sort as text; a line without one follows what it came after.
    while (time !== '' && at > least && this.all[at - 1]!.time > time) at -= 1;
    if (at === this.all.length) this.all.push(line);
    else this.all.splice(at, 0, line);
  }

  private trim(): void {
    let gone = 0;
    while (this.all.length - gone > kKeptMax || this.characters > kCharactersMax) {
      const { text, time } = this.all[gone]!;
      this.characters -= text.length + (time === '' ? 0 : time.length + 1);
      gone += 1;
    }
    if (gone > 0) this.all = this.all.slice(gone);
    this.dropped += gone;
  }
}
