// Parts of the console that are fetched when they are needed. Their names have digests: a server of another version
// has others.
import { signal } from '@preact/signals';

// Whether a part was asked for that the server does not have any more.
export const upgraded = signal(false);

const kEntry = /assets\/console-[\w-]+\.js/;

// Whether `page` begins by another script than `own`.
export function isOther(page: string, own: string): boolean {
  const entry = kEntry.exec(page)?.[0];
  return entry !== undefined && kEntry.test(own) && !own.endsWith(entry);
}

async function look(): Promise<void> {
  const page = await fetch(new URL('./', location.href), { cache: 'no-store' });
  if (page.ok && isOther(await page.text(), import.meta.url)) upgraded.value = true;
}

// As `load`; before it fails it is known whether the server has another version by now.
export async function part<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    await look().catch(() => undefined);
    throw error;
  }
}
