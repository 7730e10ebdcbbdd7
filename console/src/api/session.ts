// Who is logged in in this tab. The token is in memory, and in the tab's sessionStorage where the user
// wants a reload to keep it; nowhere else.
import { computed, signal } from '@preact/signals';

interface Session {
  token: string | null; // null: the browser shows a client certificate.
  user: string;
  groups: string[];
}

// Why somebody has to log in: first of all, or again, while what is on the screen stays.
type LoginReason = 'first' | 'expired';

const kStorageKey = 'skiff.session';

export const session = signal<Session | null>(null);
// Whose what is on the screen is: also while he has to log in again. "": nobody's.
export const owner = signal('');
export const loginReason = signal<LoginReason>('first');
export const loggedIn = computed(() => session.value !== null);

// The namespace that somebody's login names: where he begins if he may not list any.
let home = '';

export function setHome(namespace: string): void {
  home = namespace;
}

// Once a login: from then on it is he who chooses.
export function takeHome(): string {
  const taken = home;
  home = '';
  return taken;
}

let waiting: (() => void)[] = [];

export function restoreSession(): void {
  try {
    const text = sessionStorage.getItem(kStorageKey);
    if (text !== null) take(JSON.parse(text) as Session);
  } catch {
    // Storage is forbidden here, or holds something else: then nobody is logged in.
  }
}

function take(made: Session): void {
  session.value = made;
  owner.value = made.user;
}

export function beginSession(made: Session, keep: boolean): void {
  take(made);
  try {
    if (keep) sessionStorage.setItem(kStorageKey, JSON.stringify(made));
    else sessionStorage.removeItem(kStorageKey);
  } catch {
    // Kept in memory alone.
  }
  const all = waiting;
  waiting = [];
  for (const resume of all) resume();
}

export function endSession(reason: LoginReason): void {
  loginReason.value = reason;
  session.value = null;
  if (reason === 'first') owner.value = '';
  try {
    sessionStorage.removeItem(kStorageKey);
  } catch {
    // There was none.
  }
}

// Resolves at the next login; watches wait for it.
export function nextLogin(): Promise<void> {
  if (session.value !== null) return Promise.resolve();
  return new Promise((resolve) => waiting.push(resolve));
}

// Whether the server began it for this page, by a link of `skiff console` or the key of a certificate.
export function isLinked(token = session.value?.token): boolean {
  return token?.startsWith('skiff-console.') ?? false;
}

export function authorization(): Record<string, string> {
  const token = session.value?.token;
  return token ? { Authorization: `Bearer ${token}` } : {};
}
