// Which kinds the server has now, custom ones among them, as it tells every client: asked where somebody
// wants to see them all, and kept for as long as he is logged in.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { type Document, kindsOf, type Offered } from '../model/discovery';
import { kindByName } from './kinds';
import { onForget } from './live';
import { ApiError, request } from './request';
import { nextLogin } from './session';

const kAccept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const kRetryMs = 3_000;

export const offered = signal<Offered[] | null>(null);
const failed = signal<ApiError | null>(null);
let asking: object | null = null; // The question whose answer is waited for.

onForget(() => {
  offered.value = null;
  failed.value = null;
  asking = null;
});

// What asking again would not change.
function isRefusal(code: number): boolean {
  return code >= 400 && code < 500 && code !== 401 && code !== 408 && code !== 429;
}

async function look(): Promise<Offered[] | ApiError> {
  try {
    const [core, groups] = await Promise.all(['/api', '/apis'].map((path) => request<Document>(path, { accept: kAccept })));
    return kindsOf([core!, groups!], kindByName);
  } catch (error) {
    return error instanceof ApiError ? error : new ApiError(0, '', String(error));
  }
}

export async function lookAgain(): Promise<void> {
  if (asking !== null) return;
  const mine = (asking = {});
  const answer = await look();
  // It may be of a user who has left since.
  if (asking !== mine) return;
  asking = null;
  if (!(answer instanceof ApiError)) offered.value = answer;
  failed.value = answer instanceof ApiError ? answer : null;
}

// null: not known yet. Definitions come and go: whoever begins to look has the server asked again.
export function useOffered(wanted = true): { list: Offered[] | null; error: ApiError | null } {
  useEffect(() => {
    if (wanted) void lookAgain();
  }, [wanted]);
  const error = offered.value === null ? failed.value : null;
  // A server that is away comes back, and so does somebody whose login was over.
  useEffect(() => {
    if (!wanted || error === null || isRefusal(error.code)) return;
    let gone = false;
    const timer = setTimeout(() => void nextLogin().then(() => (gone ? undefined : lookAgain())), kRetryMs);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [wanted, error]);
  return { list: offered.value, error };
}
