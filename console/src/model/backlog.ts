// What a command prints and its terminal has not drawn yet. A page cannot pause a WebSocket, and one that
// prints faster than the page draws would fill its memory: what is too much is left out, and the terminal says
// so. The newest of it is kept, which has the prompt in it once the command ends.

// So much waits to be drawn at most; what was left out is told when there is no more than that left of it.
const kWaitingMax = 1 << 20;
const kDrawnMax = 64 << 10;
// Of what is left out, so much is kept.
const kNewestMax = 64 << 10;

const kNewline = 0x0a;

type Draw = (bytes: Uint8Array, drawn: () => void) => void;

export class Backlog {
  private waiting = 0;
  private newest: Uint8Array[] = [];
  private newestBytes = 0;
  private leftOut = 0; // Of it all, `newest` among it; 0: everything is drawn.

  // `gap`: what stands for so many bytes.
  constructor(private readonly draw: Draw, private readonly gap: (bytes: number) => Uint8Array) {}

  take(bytes: Uint8Array): void {
    if (this.leftOut === 0 && (this.waiting === 0 || this.waiting + bytes.length <= kWaitingMax)) return this.put(bytes);
    this.leftOut += bytes.length;
    this.newest.push(bytes.slice(-kNewestMax));
    this.newestBytes += Math.min(bytes.length, kNewestMax);
    while (this.newestBytes > kNewestMax) this.newestBytes -= this.newest.shift()!.length;
  }

  private put(bytes: Uint8Array): void {
    this.waiting += bytes.length;
    this.draw(bytes, () => {
      this.waiting -= bytes.length;
      if (this.leftOut > 0 && this.waiting <= kDrawnMax) this.goOn();
    });
  }

  private goOn(): void {
    const all = this.newest;
    const isWhole = this.newestBytes === this.leftOut;
    // Where something is missing before it, it begins with a line.
    const cut = isWhole ? 0 : (all[0]?.indexOf(kNewline) ?? -1) + 1;
    const gone = this.leftOut - this.newestBytes + cut;
    this.newest = [];
    this.newestBytes = 0;
    this.leftOut = 0;
    if (gone > 0) this.put(this.gap(gone));
    all.forEach((bytes, at) => this.put(at === 0 ? bytes.subarray(cut) : bytes));
  }
}
