// A place begins at its heading, for those who hear it. The heading may come later than the place, with code that
// is fetched or an object that is read, and another one may take its place then: nobody is left on nothing, and
// nobody's focus is taken who has gone on meanwhile.

// What had the focus when a place was gone to that had no heading yet.
let awaited: Element | null = null;

const heading = () => document.querySelector<HTMLElement>('main h1');

export function beginAtHeading(): void {
  const found = heading();
  awaited = found ? null : document.activeElement;
  found?.focus({ preventScroll: true });
}

// For who had the focus and goes: whoever was there is not left on nothing.
export function passFocus(leaving: Element | null): void {
  if (leaving === null || document.activeElement !== leaving) return;
  queueMicrotask(() => {
    if (document.activeElement === null || document.activeElement === document.body) heading()?.focus({ preventScroll: true });
  });
}

// One is there that was not.
export function headingCame(): void {
  const focused = document.activeElement;
  if (focused !== null && focused !== document.body && focused !== awaited) return;
  awaited = null;
  heading()?.focus({ preventScroll: true });
}
