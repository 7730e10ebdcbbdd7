// Whether all that trouble could come of has been looked at: not yet, as far as somebody may, or all of it.
export type Looked = 'waits' | 'part' | 'all';

interface Part {
  loaded: boolean;
  refused: boolean; // It may not be seen, and never comes.
}

export function lookedAt(parts: Part[]): Looked {
  if (parts.some(({ loaded, refused }) => !loaded && !refused)) return 'waits';
  return parts.some(({ refused }) => refused) ? 'part' : 'all';
}
