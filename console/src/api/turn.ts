// The page has one thread: who has much to do gives way to pictures and keys now and then.
const kTurnMs = 6;

const channel = new MessageChannel();
let began = 0; // When somebody first asked in this turn; 0: nobody has.
let waiting: (() => void)[] = [];

// Timers of a hidden tab wait for a second; messages do not.
channel.port1.onmessage = () => {
  began = 0;
  const all = waiting;
  waiting = [];
  for (const go of all) go();
};

// Whether those who ask have had as much of this turn as they should, all of them together.
export function isLongTurn(): boolean {
  const now = performance.now();
  if (began === 0) {
    began = now;
    channel.port2.postMessage(null);
  }
  return now - began > kTurnMs;
}

const behind: (() => void)[] = [];

function next(): void {
  requestAnimationFrame(() => setTimeout(() => {
    const work = behind.shift();
    if (behind.length > 0) next();
    work?.();
  }, 0));
}

// Behind what the next picture costs, in a task of its own; of several, one a picture, in their order.
export function afterPicture(work: () => void): void {
  behind.push(work);
  if (behind.length === 1) next();
}

// For who was told that it is long.
export function nextTurn(): Promise<void> {
  return new Promise((go) => waiting.push(go));
}
