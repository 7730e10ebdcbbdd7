// What ConfigMaps and Secrets hold, as people read it.
export interface Held {
  key: string;
  bytes: number;
  text: string | null; // null: bytes that are no text.
}

function decoded(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /[\0-\x08\x0e-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

export function heldBy(object: { data?: Record<string, string>; binaryData?: Record<string, string> }, encoded: boolean): Held[] {
  const held: Held[] = [];
  for (const [key, value] of Object.entries(object.data ?? {})) {
    const bytes = encoded ? decoded(value) : new TextEncoder().encode(value);
    held.push({ key, bytes: bytes.length, text: encoded ? textOf(bytes) : value });
  }
  for (const [key, value] of Object.entries(object.binaryData ?? {})) {
    held.push({ key, bytes: decoded(value).length, text: null });
  }
  return held.sort((a, b) => (a.key < b.key ? -1 : 1));
}
