// What `skiff console` opens, "https://SERVER/console/?namespace=NAME#login=CODE": the namespace where one is named.
const kLink = /^([^#]*)#login=([\w-]+)\s*$/;

export interface Link {
  code: string;
  namespace: string; // "": all of them.
}

// null: it is no link.
export function linkIn(text: string): Link | null {
  const [, page, code] = kLink.exec(text) ?? [];
  if (page === undefined || code === undefined) return null;
  const query = page.includes('?') ? page.slice(page.indexOf('?')) : '';
  return { code, namespace: new URLSearchParams(query).get('namespace') ?? '' };
}
