// What the ways to log in come to: a token, or the browser's own certificate, and who that is.
import { t } from '../texts';
import { ApiError, ask, redeem, release, whoAmI } from './request';
import { beginSession, isLinked, owner, restoreSession } from './session';
import { forgetAll } from './live';

interface Known {
  token: string | null;
  user: string;
  groups: string[];
}

function begin(known: Known, keep: boolean): void {
  if (owner.value !== '' && owner.value !== known.user) forgetAll();
  beginSession(known, keep);
}

// "" when somebody is logged in now; else what to tell.
export async function login(token: string | null, keep: boolean): Promise<string> {
  try {
    const who = await whoAmI(token);
    if (who.user === '' || who.user === 'system:anonymous') return t.login.anonymous;
    begin({ token, ...who }, keep);
    return '';
  } catch (error) {
    const { code, message } = error as ApiError;
    if (code === 0) return t.login.unreachable;
    if (code === 401) return token === null ? t.login.anonymous : t.login.unauthorized;
    return message;
  }
}

// What somebody typed, or came with: a token, or the link of `skiff console`, which stands for one.
export async function loginBy(text: string, keep: boolean): Promise<string> {
  const code = /#login=([\w-]+)\s*$/.exec(text)?.[1];
  if (code === undefined) return login(text.trim(), keep);
  try {
    return await login(await redeem(code), keep);
  } catch (error) {
    return linkTrouble(error as ApiError);
  }
}

function linkTrouble({ code, message }: ApiError): string {
  return code === 0 ? t.login.unreachable : code === 401 ? t.login.linkUsed : message;
}

// Whom a link that this page was opened by would log in; a text: what is wrong with it. Anybody can send
// a link of his own to somebody else, whose secrets would then come under the sender's name: so nobody is
// logged in by one before he has said that it is he.
export interface Offer {
  token: string;
  user: string;
  groups: string[];
}

export async function offerOf(code: string): Promise<Offer | string> {
  try {
    const token = await redeem(code);
    return { token, ...(await whoAmI(token)) };
  } catch (error) {
    return linkTrouble(error as ApiError);
  }
}

export function accept(offer: Offer, keep: boolean): void {
  begin(offer, keep);
}

// Whoever was logged in before the link came still is.
export function decline({ token }: Offer): void {
  if (isLinked(token)) void release(token).catch(() => undefined);
  restoreSession();
}

// A session that a link began is over for the server, too. If it cannot be told, it will be in time.
export function sayGoodbye(): void {
  if (isLinked()) void ask('/console/login', { method: 'DELETE' }).catch(() => undefined);
}

export interface KubeUser {
  name: string;
  token: string; // "": it has none.
  why: string; // What there is instead, in words.
}

interface KubeConfig {
  users?: {
    name?: string;
    user?: Record<string, unknown>;
  }[];
  contexts?: { name?: string; context?: { user?: string } }[];
  'current-context'?: string;
}

// The users of a kubeconfig, that of the current context first. Throws on what is none.
export async function readKubeconfig(text: string): Promise<KubeUser[]> {
  const { parse } = await import('yaml');
  const config = parse(text) as KubeConfig | null;
  if (!Array.isArray(config?.users)) throw new Error(t.login.kubeconfigNone);
  const current = config.contexts?.find((each) => each.name === config['current-context'])?.context?.user;
  const users = config.users.map(({ name = '', user = {} }) => {
    const token = typeof user.token === 'string' ? user.token : '';
    const certificate = user['client-certificate-data'] ?? user['client-certificate'];
    const why =
      token !== '' ? '' : certificate ? t.login.kubeconfigCertificate(name)
        : user.exec ? t.login.kubeconfigCommand(name) : t.login.kubeconfigNone;
    return { name, token, why };
  });
  return users.sort((a, b) => Number(b.name === current) - Number(a.name === current));
}
