// Where one is: "#/pods/default/web-1?tab=logs". The server has one page alone; the rest is here.
import { computed, signal } from '@preact/signals';

import { linkIn } from './model/link';

interface Place {
  view: string;
  params: string[];
  query: URLSearchParams;
}

// As `skiff console` opens it. What is good once does not stay where others see it.
export const opened = linkIn(location.search + location.hash);
if (opened) history.replaceState(null, '', location.pathname);

function read(): string {
  return location.hash.replace(/^#\/?/, '');
}

// What somebody typed may be no encoding of anything: then it is taken as it is.
function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

const hash = signal(read());
addEventListener('hashchange', () => {
  // Opened where a console is open already: it begins anew, as whoever the link is of.
  if (linkIn(location.hash)) location.reload();
  else hash.value = read();
});

export const place = computed<Place>(() => {
  const [path = '', query = ''] = hash.value.split('?');
  const [view = '', ...params] = path.split('/').map(decoded);
  return { view: view || 'overview', params, query: new URLSearchParams(query) };
});

export function href(view: string, params: (string | undefined)[] = [], query: Record<string, string> = {}): string {
  const path = [view, ...params.map((each) => encodeURIComponent(each ?? ''))].join('/');
  const text = new URLSearchParams(query).toString();
  return `#/${path}${text === '' ? '' : `?${text}`}`;
}

export function go(to: string): void {
  location.hash = to;
}
