// What is typed and nowhere else. The browser asks before the tab goes, for as long as there is such a thing, in
// whatever view. Where the page begins anew, by itself, by somebody who reloads it, or as a browser had ended it behind
// others, it is there again for who typed it.
import { effect } from '@preact/signals';

import { onForget } from '../api/live';
import { owner } from '../api/session';

const kStorageKey = 'skiff.typed';

interface Saved {
  owner: string;
  drafts: Record<string, unknown>;
}

let reloads = false;
const drafts = new Map<string, () => unknown>();

// `holds`: whether there is such a thing now. For as long as the page lives.
export function askBeforeLeaving(holds: () => boolean): void {
  addEventListener('beforeunload', (event) => {
    if (holds() && !reloads) event.preventDefault();
  });
}

// What the page before this one left; once somebody else is here there is nothing.
function saved(): Saved | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(kStorageKey) ?? 'null') as Saved | null;
    if (found && owner.value !== '' && found.owner !== owner.value) sessionStorage.removeItem(kStorageKey);
    return found && found.owner === owner.value ? found : null;
  } catch {
    return null; // Storage is forbidden here.
  }
}

function takeOut(name: string): unknown {
  const found = saved();
  if (!found || !(name in found.drafts)) return undefined;
  const { [name]: draft, ...others } = found.drafts;
  if (Object.keys(others).length === 0) sessionStorage.removeItem(kStorageKey);
  else sessionStorage.setItem(kStorageKey, JSON.stringify({ ...found, drafts: others }));
  return draft;
}

// A part that was not asked for yet has not taken its own.
askBeforeLeaving(() => saved() !== null);
onForget(() => {
  try {
    sessionStorage.removeItem(kStorageKey);
  } catch {
    // There was none.
  }
});

// A draft that outlives `reload`. `read`: undefined where nothing is typed. `write` is called once at most, when
// who typed it is here.
export function keepTyped<T>(name: string, read: () => T | undefined, write: (draft: T) => void): void {
  askBeforeLeaving(() => read() !== undefined);
  drafts.set(name, read);
  const stop = effect(() => {
    if (owner.value === '') return;
    const draft = takeOut(name);
    if (draft !== undefined) write(draft as T);
    queueMicrotask(() => stop());
  });
}

// Puts what is typed into the tab's own storage. Whether that has room for it.
function keep(): boolean {
  // What no part has asked for yet is still there.
  const kept = { ...saved()?.drafts };
  for (const [name, read] of drafts) {
    const draft = read();
    if (draft !== undefined) kept[name] = draft;
  }
  try {
    if (Object.keys(kept).length > 0) sessionStorage.setItem(kStorageKey, JSON.stringify({ owner: owner.value, drafts: kept }));
    return true;
  } catch {
    return false;
  }
}

// The page goes on: what its parts hold is theirs again, and what becomes of it is not in the storage.
function letGo(): void {
  for (const name of drafts.keys()) takeOut(name);
}

// Of a tab that nobody sees this may be the last that it hears: phones end those without a word.
addEventListener('pagehide', keep);
addEventListener('pageshow', (event) => event.persisted && letGo());
document.addEventListener('visibilitychange', () => (document.hidden ? keep() : letGo()));

// Begins the page anew. Where the storage has no room for what was typed the browser asks, and it is lost unless somebody
// says no.
export function reload(): void {
  reloads = keep();
  location.reload();
}
