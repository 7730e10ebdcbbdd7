// What the ways to log in come to: a token, or the browser's own certificate, and who that is.
import { t } from '../texts';
import { ApiError, ask, redeem, whoAmI } from './request';
import { beginSession, isLinked, owner } from './session';
import { forgetAll } from './live';

// "" when somebody is logged in now; else what to tell.
export async function login(token: string | null, keep: boolean): Promise<string> {
  try {
    const who = await whoAmI(token);
    if (who.user === '' || who.user === 'system:anonymous') return t.login.anonymous;
    if (owner.value !== '' && owner.value !== who.user) forgetAll();
    beginSession({ token, ...who }, keep);
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
    const { code: answer, message } = error as ApiError;
    return answer === 0 ? t.login.unreachable : answer === 401 ? t.login.linkUsed : message;
  }
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
