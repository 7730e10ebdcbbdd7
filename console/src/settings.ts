// What somebody chose in this browser: nothing secret, so it outlives the tab.
import { effect, signal } from '@preact/signals';

function kept<T extends string>(key: string, fallback: T) {
  let first = fallback;
  try {
    first = (localStorage.getItem(key) as T | null) ?? fallback;
  } catch {
    // Storage is forbidden here.
  }
  const value = signal<T>(first);
  effect(() => {
    try {
      localStorage.setItem(key, value.value);
    } catch {
      // Chosen for this page alone.
    }
  });
  return value;
}

export type Theme = 'auto' | 'dark' | 'light';
export const theme = kept<Theme>('skiff.theme', 'auto');
// Whether single letters go to views: who dictates, or hits keys beside those he means, turns that off.
export const singleKeys = kept<'on' | 'off'>('skiff.keys', 'on');
// "": all of them.
export const namespace = kept<string>('skiff.namespace', '');

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(prefersDark.matches);
prefersDark.addEventListener('change', () => (systemDark.value = prefersDark.matches));

export const dark = signal(true);
effect(() => {
  dark.value = theme.value === 'auto' ? systemDark.value : theme.value === 'dark';
  document.documentElement.dataset.theme = dark.value ? 'dark' : 'light';
});

function matched(query: string) {
  const media = matchMedia(query);
  const value = signal(media.matches);
  media.addEventListener('change', () => (value.value = media.matches));
  return value;
}

// As shell.css has them: a phone, and where the menu is its pictures alone.
export const narrow = matched('(max-width: 760px)');
export const rail = matched('(min-width: 761px) and (max-width: 1100px)');
