// Sessions that somebody has left, of which the server does not know so yet. Until it has written that down, the
// session is good wherever its token was taken to (docs/decisions/0097): so it is told again and again for as
// long as this page is there, which says so meanwhile.
import { signal } from '@preact/signals';

import { type ApiError, release } from './request';

export interface Owed {
  token: string;
  user: string;
  why: string; // What came of it the last time.
}

const kPauseMinMs = 1_000;
const kPauseMaxMs = 60_000;
// It has ended by itself then.
const kSessionMs = 12 * 3_600_000;
// Of so many sessions; beyond it the oldest ends by its time.
const kOwedMax = 8;

// Those of which the server was told once at least, in vain.
export const owed = signal<Owed[]>([]);

const resting = new Set<() => void>();

// All of them are told now.
export function tellAgain(): void {
  for (const wake of [...resting]) wake();
}
addEventListener('online', tellAgain);

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      resting.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    resting.add(wake);
  });
}

function without(token: string): Owed[] {
  return owed.value.filter((each) => each.token !== token);
}

// Whether it was told, after it could not be at first.
export async function leave(token: string, user: string): Promise<boolean> {
  const begun = performance.now();
  for (let pause = kPauseMinMs; ; pause = Math.min(pause * 2, kPauseMaxMs)) {
    try {
      await release(token);
      const isLate = owed.value.some((each) => each.token === token);
      owed.value = without(token);
      return isLate;
    } catch (error) {
      const isKnown = owed.value.some((each) => each.token === token);
      const isOver = performance.now() - begun >= kSessionMs;
      // Another one took its place, or there is nothing to be told any more.
      if (isOver || (pause > kPauseMinMs && !isKnown)) {
        owed.value = without(token);
        return false;
      }
      owed.value = [...without(token), { token, user, why: (error as ApiError).message }].slice(-kOwedMax);
    }
    await rest(pause);
  }
}
