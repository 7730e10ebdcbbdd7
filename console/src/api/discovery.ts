// Which kinds the server has now, custom ones among them, as it tells every client: asked where somebody
// wants to see them all, and kept for as long as he is logged in.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { type Document, kindsOf, type Offered } from '../model/discovery';
import { kindByName } from './kinds';
import { onForget } from './live';
import { ApiError, request } from './request';

const kAccept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const offered = signal<Offered[] | null>(null);
const failed = signal<ApiError | null>(null);
let asking: Promise<void> | null = null;

onForget(() => {
  offered.value = null;
  failed.value = null;
});

async function look(): Promise<void> {
  try {
    const [core, groups] = await Promise.all(['/api', '/apis'].map((path) => request<Document>(path, { accept: kAccept })));
    offered.value = kindsOf([core!, groups!], kindByName);
    failed.value = null;
  } catch (error) {
    failed.value = error instanceof ApiError ? error : new ApiError(0, '', String(error));
  }
}

export function lookAgain(): void {
  asking ??= look().finally(() => (asking = null));
}

// null: not known yet. Definitions come and go: whoever begins to look has the server asked again.
export function useOffered(wanted = true): { list: Offered[] | null; error: ApiError | null } {
  useEffect(() => {
    if (wanted) lookAgain();
  }, [wanted]);
  return { list: offered.value, error: offered.value === null ? failed.value : null };
}
