// Requests of the user's own to the API of this origin, and the server's words where it refuses.
import { heardTime } from '../model/age';
import { managerOf } from '../model/manager';
import { t } from '../texts';
import { authorization, endSession, owner, session } from './session';

export interface Cause {
  reason?: string;
  message?: string;
  field?: string;
}

// What a Status says. `code` 0: the server could not be reached.
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly causes: Cause[] = [],
  ) {
    super(message);
  }
  get isExpired(): boolean {
    return this.code === 410;
  }
  get isForbidden(): boolean {
    return this.code === 403;
  }
}

export interface Ask {
  method?: string;
  body?: unknown; // A string is sent as it is, anything else as JSON.
  type?: string;
  accept?: string;
  signal?: AbortSignal;
}

// The console lies at /console/ of the server, or of a proxy before it.
export const base = location.pathname.replace(/\/console\/.*$/, '').replace(/\/$/, '');

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  try {
    const status = JSON.parse(text) as {
      reason?: string;
      message?: string;
      details?: { causes?: Cause[] };
    };
    return new ApiError(
      response.status,
      status.reason ?? '',
      status.message ?? text,
      status.details?.causes ?? [],
    );
  } catch {
    return new ApiError(response.status, '', text.trim() || response.statusText);
  }
}

const writes: (() => void)[] = [];

// Told of each request that may have changed something.
export function afterWrite(run: () => void): void {
  writes.push(run);
}

// The answer as it comes; an ApiError where it is none of success.
export async function ask(path: string, given: Ask = {}): Promise<Response> {
  const used = session.value;
  // Asked as nobody, the server would refuse what somebody may who has only to log in again.
  if (used === null && owner.value !== '') throw new ApiError(401, 'Unauthorized', t.loginOver);
  const headers: Record<string, string> = {
    Accept: given.accept ?? 'application/json',
    ...authorization(),
  };
  let body: string | undefined;
  if (given.body !== undefined) {
    body = typeof given.body === 'string' ? given.body : JSON.stringify(given.body);
    headers['Content-Type'] = given.type ?? 'application/json';
  }
  const asked = Date.now();
  let response: Response;
  try {
    response = await fetch(base + path, {
      method: given.method ?? 'GET',
      headers,
      body,
      signal: given.signal,
      cache: 'no-store',
      credentials: 'same-origin',
    });
  } catch (error) {
    if (given.signal?.aborted) throw error;
    // What browsers say of it helps nobody.
    throw new ApiError(0, 'Unreachable', t.unanswered);
  }
  heardTime(response.headers.get('Date'), asked);
  if (response.ok) {
    if (given.method !== undefined) for (const run of writes) run();
    return response;
  }
  const refused = await errorOf(response);
  // Another tab's login, or one since, is not ended by what an older token was told.
  if (response.status === 401 && used !== null && session.value === used) endSession('expired');
  // The login that opens above it says more than "Unauthorized", which would stand here afterwards.
  throw response.status === 401 ? new ApiError(401, refused.reason, t.loginOver) : refused;
}

export async function request<T>(path: string, given: Ask = {}): Promise<T> {
  const response = await ask(path, given);
  return (await response.json()) as T;
}

// As whom it writes: without that a field's manager would be called after the browser.
export function manager(): string {
  return managerOf(owner.value);
}

function managed(path: string): string {
  return `${path}?${new URLSearchParams({ fieldManager: manager() })}`;
}

export function patch<T>(path: string, body: unknown, type = 'merge-patch'): Promise<T> {
  return request<T>(managed(path), { method: 'PATCH', body, type: `application/${type}+json` });
}

export function create<T>(path: string, body: unknown, dryRun = false): Promise<T> {
  return request<T>(managed(path) + (dryRun ? '&dryRun=All' : ''), { method: 'POST', body });
}

export function remove(path: string): Promise<unknown> {
  return request(path, { method: 'DELETE', body: { propagationPolicy: 'Background' } });
}

async function askDoor(path: string, body: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`${base}/console/${path}`, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new ApiError(0, 'Unreachable', String((error as Error).message));
  }
  if (!response.ok) throw await errorOf(response);
  return response.json();
}

// The token that the code of a link of `skiff console` stands for, or that the key of a certificate
// (api/proof.ts) is given.
export async function tokenFor(shown: Record<string, string>): Promise<string> {
  return ((await askDoor('login', shown)) as { token: string }).token;
}

// What such a key has to sign.
export async function challenge(): Promise<string> {
  return ((await askDoor('challenge', {})) as { challenge: string }).challenge;
}

// Ends the session that such a token is of, whoever is logged in here. Also where the page goes meanwhile.
export async function release(token: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`${base}/console/login`, {
      method: 'DELETE',
      headers: { Accept: 'application/json', Authorization: `Bearer ${token}` },
      keepalive: true,
    });
  } catch {
    throw new ApiError(0, 'Unreachable', t.unheard);
  }
  if (!response.ok) throw await errorOf(response);
}

// Who the server takes the bearer of this token for; null: of the browser's certificate.
export async function whoAmI(token: string | null): Promise<{ user: string; groups: string[] }> {
  let response: Response;
  try {
    response = await fetch(`${base}/apis/authentication.k8s.io/v1/selfsubjectreviews`, {
      method: 'POST',
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}',
    });
  } catch (error) {
    throw new ApiError(0, 'Unreachable', String((error as Error).message));
  }
  if (!response.ok) throw await errorOf(response);
  const review = (await response.json()) as {
    status?: { userInfo?: { username?: string; groups?: string[] } };
  };
  const info = review.status?.userInfo;
  return { user: info?.username ?? '', groups: info?.groups ?? [] };
}
