// The door: a token, a kubeconfig that holds one or a certificate, or the browser's certificate.
import { useEffect, useRef, useState } from 'preact/hooks';

import { accept, decline, type KubeUser, login, loginAs, loginBy, type Offer, offerOf, PartMissing, readKubeconfig } from '../api/login';
import { upgraded } from '../api/part';
import { loginReason } from '../api/session';
import { linkIn } from '../model/link';
import { opened } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Button, Logo, Notice, Tabs } from '../ui/parts';
import { Upgraded } from '../ui/upgraded';

type Way = 'token' | 'kubeconfig' | 'certificate';

let link = opened; // Tried once.

// Where whoever logs in says so, he begins in that namespace; who only comes back stays where he is.
function beginIn(space: string): void {
  if (space !== '' && loginReason.value !== 'expired') namespace.value = space;
}

const kConfigBytesMax = 1 << 20;

// As whom to log in, once the text is read; null: as nobody.
type Chosen = Promise<KubeUser | null>;
const kNobody: Chosen = Promise.resolve(null);

function Kubeconfig({ onUser }: { onUser: (user: Chosen) => void }) {
  const [text, setText] = useState('');
  const [users, setUsers] = useState<KubeUser[]>([]);
  const [chosen, setChosen] = useState(0);
  const [wrong, setWrong] = useState('');
  const pick = (all: KubeUser[], at: number): KubeUser | null => {
    setChosen(at);
    setWrong(all[at]?.why ?? t.login.kubeconfigNone);
    return all[at] ?? null;
  };
  const read = async (given: string): Chosen => {
    if (given.trim() === '') return null;
    try {
      const found = await readKubeconfig(given);
      setUsers(found);
      return pick(found, 0);
    } catch (error) {
      if (error instanceof PartMissing) setWrong(upgraded.value ? '' : t.notFetched);
      else setWrong(t.login.kubeconfigBroken + (error as Error).message.split('\n')[0]);
      return null;
    }
  };
  const take = (given: string) => {
    setText(given);
    setUsers([]);
    setWrong('');
    onUser(read(given));
  };
  return (
    <>
      <label class="field">
        <span>{t.login.kubeconfigLabel}</span>
        <textarea
          class="input mono"
          rows={6}
          spellcheck={false}
          autocomplete="off"
          value={text}
          onInput={(event) => take(event.currentTarget.value)}
        />
      </label>
      <input
        type="file"
        class="file"
        aria-label={t.login.kubeconfigFile}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file && file.size > kConfigBytesMax) setWrong(t.login.kubeconfigLarge);
          else if (file) void file.text().then(take, (error: Error) => setWrong(error.message));
        }}
      />
      {users.length > 1 && (
        <label class="field">
          <span>{t.login.kubeconfigUser}</span>
          <select class="input" value={chosen} onChange={(event) => onUser(Promise.resolve(pick(users, Number(event.currentTarget.value))))}>
            {users.map((each, at) => (
              <option key={at} value={at}>{each.name}</option>
            ))}
          </select>
        </label>
      )}
      {wrong && <Notice tone="warn">{wrong}</Notice>}
      <p class="hint">{t.login.kubeconfigHint}</p>
    </>
  );
}

function Brand() {
  return (
    <div class="login-brand">
      <Logo />
      <div>
        <div class="brand-name">{t.name}</div>
        <div class="dim">{t.console}</div>
      </div>
    </div>
  );
}

// What the link comes to that this page was opened by: an offer, or what is wrong with it.
function useLink(tell: (wrong: string) => void) {
  const [offer, setOffer] = useState<Offer | null>(null);
  const [busy, setBusy] = useState(link !== null);
  useEffect(() => {
    if (link === null) return;
    void offerOf(link.code).then((made) => {
      if (typeof made === 'string') tell(made);
      else setOffer(made);
      setBusy(false);
    });
    link = null;
  }, []);
  const refuse = () => {
    if (offer !== null) decline(offer);
    setOffer(null);
  };
  return { offer, busy, refuse };
}

function Offered({ offer, keep, onRefuse }: { offer: Offer; keep: boolean; onRefuse: () => void }) {
  const onAccept = () => {
    beginIn(opened?.namespace ?? '');
    accept(offer, keep);
  };
  return (
    <div class="login">
      <Brand />
      <h1>{t.login.linkTitle(offer.user)}</h1>
      <p class="dim">{t.login.linkAsk}</p>
      <button class="button primary wide" onClick={onAccept}>{t.login.linkAccept(offer.user)}</button>
      <button class="button wide" onClick={onRefuse}>{t.login.linkDecline}</button>
    </div>
  );
}

function Token({ token, onToken }: { token: string; onToken: (token: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <label class="field">
      <span>{t.login.tokenLabel}</span>
      <input
        ref={input}
        class="input mono"
        type="password"
        autocomplete="off"
        value={token}
        onInput={(event) => onToken(event.currentTarget.value)}
      />
      <small class="hint">{t.login.tokenHint}</small>
    </label>
  );
}

const kWays: { id: Way; text: string }[] = [
  { id: 'token', text: t.login.token },
  { id: 'kubeconfig', text: t.login.kubeconfig },
  { id: 'certificate', text: t.login.certificate },
];

export function Login() {
  const [way, setWay] = useState<Way>('token');
  const [token, setToken] = useState('');
  const [reading, setReading] = useState<Chosen>(kNobody);
  const [keep, setKeep] = useState(true);
  const [trying, setTrying] = useState(false);
  const [wrong, setWrong] = useState('');
  const linked = useLink(setWrong);
  const busy = trying || linked.busy;
  const again = loginReason.value === 'expired';

  const attempt = async () => {
    if (way === 'certificate') return login(null, keep);
    if (way === 'token') return token.trim() === '' ? t.login.empty : loginBy(token, keep);
    const user = await reading;
    if (user === null) return t.login.kubeconfigEmpty;
    return user.why === '' ? loginAs(user, keep) : ''; // It says so already.
  };
  const namedSpace = async () => (way === 'token' ? linkIn(token)?.namespace : way === 'kubeconfig' ? (await reading)?.namespace : '') ?? '';
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setTrying(true);
    setWrong('');
    const [space, failed] = [await namedSpace(), await attempt()];
    if (failed === '') beginIn(space);
    setWrong(failed);
    setTrying(false);
  };
  const pick = (id: string) => {
    setWay(id as Way);
    setToken('');
    setReading(kNobody);
    setWrong('');
  };
  if (linked.offer !== null) return <Offered offer={linked.offer} keep={keep} onRefuse={linked.refuse} />;
  return (
    <form class="login" onSubmit={submit}>
      <Brand />
      <h1>{again ? t.login.again : t.login.title}</h1>
      <p class="dim">{again ? t.login.expired : t.login.intro}</p>
      <Tabs label={t.login.ways} current={way} onPick={pick} tabs={kWays} />
      {way === 'token' && <Token token={token} onToken={setToken} />}
      {way === 'kubeconfig' && <Kubeconfig onUser={setReading} />}
      {way === 'certificate' && <p class="hint">{t.login.certificateText}</p>}
      <label class="check">
        <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
        <span>
          {t.login.keep}
          <small class="hint">{t.login.keepHint}</small>
        </span>
      </label>
      {wrong && <Notice tone="bad">{wrong}</Notice>}
      {upgraded.value && <Upgraded />}
      <Button type="submit" class="button primary wide" off={busy}>
        {busy ? t.login.checking : way === 'certificate' ? t.login.submitCertificate : t.login.submit}
      </Button>
    </form>
  );
}
