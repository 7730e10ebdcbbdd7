// Where one is: "#/pods/default/web-1?tab=logs". The server has one page alone; the rest is here.
import { computed, signal } from '@preact/signals';

interface Place {
  view: string;
  params: string[];
  query: URLSearchParams;
}

// "#login=CODE", as `skiff console` opens it. What is good once does not stay where others see it.
const kLink = /^#login=([\w-]+)$/;
export const linkCode = kLink.exec(location.hash)?.[1] ?? '';
if (linkCode !== '') history.replaceState(null, '', location.pathname + location.search);

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
  if (kLink.test(location.hash)) location.reload();
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
