// What the ways to log in come to: a token, one that the key of a certificate is given, or the
// browser's own certificate, and who that is.
import { bytesOf, certificatesIn, privateKeyIn } from '../model/key';
import { linkIn } from '../model/link';
import { t } from '../texts';
import { leave } from './goodbye';
import { part } from './part';
import { canSign, type KeyProof, KeyRefused, tokenByKey } from './proof';
import { ApiError, tokenFor, whoAmI } from './request';
import { beginSession, isLinked, owner, restoreSession, session, setHome } from './session';
import { forgetAll } from './live';

const kServiceAccount = /^system:serviceaccount:([^:]+):/;

interface Known {
  token: string | null;
  user: string;
  groups: string[];
}

// `namespace`: which one his kubeconfig names; a service account is of one itself. Who only comes back stays where he is.
function begin(known: Known, keep: boolean, namespace = ''): void {
  if (owner.value !== '' && owner.value !== known.user) forgetAll();
  if (owner.value !== known.user) setHome(namespace || (kServiceAccount.exec(known.user)?.[1] ?? ''));
  beginSession(known, keep);
}

// "" when somebody is logged in now; else what to tell.
export async function login(token: string | null, keep: boolean, namespace = ''): Promise<string> {
  try {
    const who = await whoAmI(token);
    if (who.user === '' || who.user === 'system:anonymous') return t.login.anonymous;
    begin({ token, ...who }, keep, namespace);
    return '';
  } catch (error) {
    const { code, message } = error as ApiError;
    if (code === 0) return t.login.unreachable;
    if (code === 401) return token === null ? t.login.anonymous : t.login.unauthorized;
    return message;
  }
}

// By a token that the server has just given. A session that nobody comes to be in is over again.
async function enter(token: string, keep: boolean, namespace = ''): Promise<string> {
  const wrong = await login(token, keep, namespace);
  if (wrong !== '' && isLinked(token)) void leave(token, '');
  return wrong;
}

// What somebody typed, or came with: a token, or the link of `skiff console`, which stands for one.
export async function loginBy(text: string, keep: boolean): Promise<string> {
  const link = linkIn(text);
  if (!link) return login(text.trim(), keep);
  try {
    return await enter(await tokenFor({ code: link.code }), keep);
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
  let token = '';
  try {
    token = await tokenFor({ code });
    return { token, ...(await whoAmI(token)) };
  } catch (error) {
    if (isLinked(token)) void leave(token, '');
    return linkTrouble(error as ApiError);
  }
}

export function accept(offer: Offer, keep: boolean): void {
  begin(offer, keep);
}

// Whoever was logged in before the link came still is.
export function decline({ token, user }: Offer): void {
  if (isLinked(token)) void leave(token, user);
  restoreSession();
}

// A session that a link or a key began is over for the server, too. Whether it was told late (goodbye.ts).
export function sayGoodbye(): Promise<boolean> {
  const known = session.value;
  return known?.token && isLinked(known.token) ? leave(known.token, known.user) : Promise.resolve(false);
}

export interface KubeUser {
  name: string;
  token: string; // "": it has none.
  proof: KeyProof | null; // Where it has a certificate: the server would take that before a token.
  why: string; // Why it has neither, in words.
  namespace: string; // Of the context that names it; "": it says none.
}

// "" when somebody is logged in now; else what to tell.
export async function loginAs({ token, proof, namespace }: KubeUser, keep: boolean): Promise<string> {
  if (proof === null) return login(token, keep, namespace);
  try {
    return await enter(await tokenByKey(proof), keep, namespace);
  } catch (error) {
    if (error instanceof KeyRefused) return t.login.keyRefused(error);
    const { code, message } = error as ApiError;
    return code === 0 ? t.login.unreachable : message;
  }
}

interface KubeConfig {
  users?: {
    name?: string;
    user?: Record<string, unknown>;
  }[];
  contexts?: { name?: string; context?: { user?: string; namespace?: string } }[];
  'current-context'?: string;
}

// The part that reads them cannot be fetched.
export class PartMissing extends Error {}

// The users of a kubeconfig, that of the current context first. Throws on what is none.
export async function readKubeconfig(text: string): Promise<KubeUser[]> {
  const { parse } = await part(() => import('yaml')).catch(() => Promise.reject(new PartMissing()));
  const config = parse(text) as KubeConfig | null;
  if (!Array.isArray(config?.users)) throw new Error(t.login.kubeconfigNone);
  const isCurrent = ({ name }: { name?: string }) => name === config['current-context'];
  const contexts = [...(config.contexts ?? [])].sort((a, b) => Number(isCurrent(b)) - Number(isCurrent(a)));
  const current = contexts.find(isCurrent)?.context?.user;
  const users = config.users.map(({ name = '', user }) => {
    const namespace = contexts.find(({ context }) => context?.user === name)?.context?.namespace;
    return { ...userOf(name, user ?? {}), namespace: typeof namespace === 'string' ? namespace : '' };
  });
  return users.sort((a, b) => Number(b.name === current) - Number(a.name === current));
}

// What client-go acts as somebody else by.
const kActing = ['as', 'as-uid', 'as-groups', 'as-user-extra'];
// What `kubectl config view` shows in place of secrets.
const kOmitted = ['DATA+OMITTED', 'REDACTED'];

function userOf(name: string, user: Record<string, unknown>): KubeUser {
  const made: KubeUser = { name, token: '', proof: null, why: '', namespace: '' };
  const given = (field: string): string => (typeof user[field] === 'string' ? user[field] : '');
  const certificate = given('client-certificate-data');
  const key = given('client-key-data');
  if (kActing.some((field) => user[field])) return { ...made, why: t.login.kubeconfigActs(name) };
  if ([certificate, key, given('token')].some((each) => kOmitted.includes(each))) {
    return { ...made, why: t.login.kubeconfigOmitted };
  }
  if (certificate !== '' && key !== '') Object.assign(made, proofOf(certificate, key));
  if (made.proof !== null) return made;
  made.token = given('token');
  made.why = made.token === '' ? made.why || whyNeither(name, user) : '';
  return made;
}

function whyNeither(name: string, user: Record<string, unknown>): string {
  if (user['client-certificate'] || user['client-key']) return t.login.kubeconfigFiles(name);
  if (user.tokenFile) return t.login.kubeconfigTokenFile(name, String(user.tokenFile));
  if (user.exec) return t.login.kubeconfigCommand(name);
  if (user['client-certificate-data']) return t.login.kubeconfigNoKey(name);
  return user['client-key-data'] ? t.login.certificateNone : t.login.kubeconfigNone;
}

// Each of the two may be all of one PEM, as that of a kubelet is: no more than certificates is sent.
function proofOf(certificate: string, key: string): Pick<KubeUser, 'proof' | 'why'> {
  const fault = (why: string) => ({ proof: null, why });
  if (!canSign()) return fault(t.login.keyInsecure);
  const certificates = certificatesIn(textOf(certificate));
  if (certificates === '') return fault(t.login.certificateNone);
  const found = privateKeyIn(textOf(key));
  if (typeof found === 'string') return fault(t.login.keyFaults[found]);
  return { proof: { certificate: certificates, key: found }, why: '' };
}

// "" where it is no base64.
function textOf(base64: string): string {
  try {
    return new TextDecoder().decode(bytesOf(base64.replace(/\s/g, '')));
  } catch {
    return '';
  }
}
