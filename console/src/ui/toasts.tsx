// What came of what somebody did: a line that stays a while, longer where it failed.
import { signal } from '@preact/signals';

import { owed, tellAgain } from '../api/goodbye';
import { onForget } from '../api/live';
import type { ApiError } from '../api/request';
import { t } from '../texts';
import { Icon } from './parts';
import { askBeforeLeaving } from './unsaved';

interface Toast {
  id: number;
  tone: 'good' | 'bad';
  text: string;
}

const kGoodMs = 4_000;
const kBadMs = 15_000;
const kShownMax = 4;

const toasts = signal<Toast[]>([]);
// Only this page knows of it.
askBeforeLeaving(() => owed.value.length > 0);
// The door shows them, too, to whoever comes next.
onForget(() => (toasts.value = []));
let lastId = 0;

export function say(tone: Toast['tone'], text: string): void {
  const id = ++lastId;
  toasts.value = [...toasts.value, { id, tone, text }].slice(-kShownMax);
  setTimeout(() => drop(id), tone === 'good' ? kGoodMs : kBadMs);
}

function drop(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

// Runs it, and says what came of it. Whether it went well.
export async function tell(work: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await work();
    say('good', done);
    return true;
  } catch (error) {
    say('bad', (error as ApiError).message || t.unanswered);
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toasts" aria-live="polite">
      {owed.value.map(({ token, user, why }) => (
        <div key={token} class="toast tone-warn">
          <span>{t.logoutOwed(user, why)}</span>
          <button class="button small" onClick={tellAgain}>{t.retry}</button>
        </div>
      ))}
      {toasts.value.map((each) => (
        <div key={each.id} class={`toast tone-${each.tone}`} role={each.tone === 'bad' ? 'alert' : undefined}>
          <span>{each.text}</span>
          <button class="icon-button" aria-label={t.close} onClick={() => drop(each.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
