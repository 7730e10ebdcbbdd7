// What is around every view: where one can go, whose rights these are, and whether this is live.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { allLives, forgetAll } from '../api/live';
import { sayGoodbye } from '../api/login';
import { base } from '../api/request';
import { endSession, session } from '../api/session';
import { kListedMs } from '../api/watch';
import { go, href, place } from '../router';
import { rail, singleKeys, theme, type Theme } from '../settings';
import { t } from '../texts';
import { beginAtHeading } from './heading';
import { kViews, Palette } from './palette';
import { awayText, Dialog, Icon, Logo } from './parts';
import { GoneSpace, NamespacePicker } from './spaces';
import { say } from './toasts';

const kGo: Record<string, string> = {
  o: 'overview', t: 'topology', c: 'cluster', w: 'workloads', p: 'pods', s: 'services', v: 'storage', j: 'jobs', e: 'events', k: 'kinds', d: 'deploy', n: 'create',
};
// Which entry of the menu stands for a view that has none, and for objects of a kind.
const kParents: Record<string, string> = {
  pod: 'pods', deployment: 'workloads', service: 'services', logs: 'workloads', object: 'kinds',
};
const kPlaces: Record<string, string> = {
  nodes: 'cluster', resourcequotas: 'cluster', deployments: 'workloads', statefulsets: 'workloads', daemonsets: 'workloads', pods: 'pods',
  services: 'services', persistentvolumeclaims: 'storage', persistentvolumes: 'storage', jobs: 'jobs', cronjobs: 'jobs',
};
const kAwayMs = 2_000;

function entryOf(view: string, kind = ''): string {
  if ((view === 'object' || view === 'logs') && Object.hasOwn(kPlaces, kind)) return kPlaces[kind]!;
  return kParents[view] ?? view;
}
const kThemes: { id: Theme; icon: string }[] = [
  { id: 'auto', icon: 'system' },
  { id: 'light', icon: 'sun' },
  { id: 'dark', icon: 'moon' },
];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input,textarea,select,[contenteditable],.xterm') !== null;
}

function useKeys(open: (what: 'palette' | 'help') => void): void {
  useEffect(() => {
    let afterG = false;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        open('palette');
        return;
      }
      if (singleKeys.value === 'off' || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (afterG && kGo[event.key]) go(href(kGo[event.key]!));
      afterG = event.key === 'g';
      if (event.key === '?') open('help');
      if (event.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('[data-filter]');
        if (filter) {
          event.preventDefault();
          filter.focus();
        }
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

interface Standing {
  state: 'away' | 'loading' | 'listed' | 'live';
  text: string;
  more: string; // What to say of it; "": nothing.
  unheard: boolean; // Nobody answers, not even with an error.
}

function useStanding(): Standing {
  const lives = allLives();
  const states = lives.map((each) => each.status.value);
  const away = lives.filter((each) => each.status.value === 'away').map((each) => each.error.value);
  const failure = away.every((each) => each !== null && each.code > 0) ? away[0] ?? null : null;
  const state = (['away', 'loading', 'listed'] as const).find((each) => states.includes(each)) ?? 'live';
  const text = { away: failure ? t.failingShort : t.awayShort, loading: t.connecting, listed: t.listedShort, live: t.live }[state];
  const more = state === 'away' ? awayText(failure) : state === 'listed' ? t.listed(kListedMs / 1_000) : '';
  return { state, text, more, unheard: state === 'away' && failure === null };
}

function Pulse({ standing: { state, text, more }, told, onTell }: { standing: Standing; told: boolean; onTell: () => void }) {
  const inside = (
    <>
      <i class="dot" aria-hidden="true" />
      <span>{text}</span>
    </>
  );
  if (more === '') return <span class={`pulse pulse-${state}`}>{inside}</span>;
  return <button class={`pulse pulse-${state}`} title={more} aria-expanded={told} onClick={onTell}>{inside}</button>;
}

// What stands between this page and the server, and what can be done: above what is there, which stays. A server that
// is back in a moment is not worth a word. Whether a certificate is not trusted a browser tells no page.
function Trouble({ standing: { state, more, unheard } }: { standing: Standing }) {
  return (
    <section class={`trouble-bar tone-${state === 'away' ? 'bad' : 'warn'}`} aria-label={t.connection}>
      <p>{more}{unheard && ` ${t.awayCertificate}`}</p>
      {state === 'away' && (
        <div class="row">
          {unheard && <a class="button small" href={`${base}/livez`} target="_blank" rel="noopener noreferrer">{t.awayLook} ↗</a>}
          <button class="button small" onClick={() => allLives().forEach((each) => each.retry())}>{t.retry}</button>
        </div>
      )}
    </section>
  );
}

// Whether it has been so for a while.
function useLasting(is: boolean): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!is) return setLasting(false);
    const timer = setTimeout(() => setLasting(true), kAwayMs);
    return () => clearTimeout(timer);
  }, [is]);
  return is && lasting;
}

function ThemePicker() {
  return (
    <div class="themes" role="radiogroup" aria-label={t.theme.label}>
      {kThemes.map(({ id, icon }) => (
        <button
          key={id}
          role="radio"
          class="icon-button"
          aria-checked={theme.value === id}
          aria-label={t.theme[id]}
          title={t.theme[id]}
          onClick={() => (theme.value = id)}
        >
          <Icon name={icon} />
        </button>
      ))}
    </div>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label={t.help.title} onClose={onClose}>
      <h2>{t.help.title}</h2>
      <dl class="keys">
        {t.help.rows.map(([keys, text]) => (
          <div key={keys}>
            <dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <label class="check keys-check">
        <input type="checkbox" checked={singleKeys.value === 'on'}
               onChange={(event) => (singleKeys.value = event.currentTarget.checked ? 'on' : 'off')} />
        <span>
          {t.help.single}
          <small class="hint">{t.help.singleHint}</small>
        </span>
      </label>
    </Dialog>
  );
}

function Menu({ current, onPick }: { current: string; onPick: () => void }) {
  return (
    <nav class="menu" aria-label={t.nav.label}>
      {kViews.map((view) => (
        <a
          key={view}
          href={href(view)}
          class={view === 'deploy' ? 'menu-entry menu-deploy' : 'menu-entry'}
          aria-current={view === current ? 'page' : undefined}
          title={rail.value ? t.nav[view] : undefined}
          onClick={onPick}
        >
          <Icon name={view} />
          <span>{t.nav[view]}</span>
        </a>
      ))}
    </nav>
  );
}

// What tells a service account apart is at the end of its name, which there is no room for.
function shortUser(user: string): string {
  const [, space, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  return name === undefined ? user : `${space}/${name}`;
}

// Where the menu lies over the page: the focus goes into it, Escape closes it, and who closes it is back at its button.
function useMenu() {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useLayoutEffect(() => {
    const at = (which: string) => document.querySelector<HTMLElement>(`.menu ${which}`);
    if (open) (at('[aria-current]') ?? at('a'))?.focus();
  }, [open]);
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented) close();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [open]);
  return { open, button, close, pick: () => setOpen(false), turn: () => (open ? close() : setOpen(true)) };
}

function Top({ menu, onSearch }: { menu: ReturnType<typeof useMenu>; onSearch: () => void }) {
  const standing = useStanding();
  const lasting = useLasting(standing.state === 'away');
  const [told, setTold] = useState<boolean | null>(null); // null: as long as it lasts; else as somebody wants it.
  const isWell = standing.more === '';
  const isTold = !isWell && (told ?? lasting);
  useEffect(() => {
    if (isWell) setTold(null);
  }, [isWell]);
  return (
    <>
      <header class="top">
        <button class="icon-button menu-button" ref={menu.button} aria-label={t.menu} aria-expanded={menu.open} onClick={menu.turn}>
          <Icon name={menu.open ? 'close' : 'menu'} />
        </button>
        <NamespacePicker />
        <button class="search-button" onClick={onSearch}>
          <Icon name="search" />
          <span>{t.searchHint}</span>
          <kbd>{t.searchKeys}</kbd>
        </button>
        <Pulse standing={standing} told={isTold} onTell={() => setTold(!isTold)} />
        {/* Heard where the server is gone, and not with each view that begins to follow something. */}
        <span class="hidden" role="status">{standing.more}</span>
      </header>
      {isTold && <Trouble standing={standing} />}
      <GoneSpace />
    </>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const [open, setOpen] = useState<'palette' | 'help' | null>(null);
  const menu = useMenu();
  useKeys(setOpen);
  const { view, params } = place.value;
  const current = entryOf(view, params[0]);
  // Before anybody sees the new view, or a slow machine takes the focus from who types already.
  useLayoutEffect(() => {
    beginAtHeading();
    document.querySelector('main')?.scrollTo(0, 0);
    document.title = [params.at(-1), (t.nav as Record<string, string>)[current], t.name].filter(Boolean).join(' · ');
  }, [view, params.join('/')]);
  const logout = () => {
    const user = session.value?.user ?? '';
    void sayGoodbye().then((isLate) => isLate && say('good', t.logoutHeard(user)));
    forgetAll();
    endSession('first');
  };
  return (
    <div class={menu.open ? 'shell menu-open' : 'shell'}>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.querySelector<HTMLElement>('main h1')?.focus();
      }}>{t.skip}</a>
      <aside class="side">
        <a class="brand" href={href('overview')}>
          <Logo />
          <span class="brand-name">{t.name}</span>
        </a>
        <Menu current={current} onPick={menu.pick} />
        <div class="side-foot">
          <ThemePicker />
          <div class="who">
            <span class="who-name" title={t.loggedInAs(session.value?.user ?? '')}>{shortUser(session.value?.user ?? '')}</span>
            <button class="icon-button" aria-label={t.logout} title={t.logout} onClick={logout}>
              <Icon name="out" />
            </button>
          </div>
        </div>
      </aside>
      <div class="page">
        <Top menu={menu} onSearch={() => setOpen('palette')} />
        <main id="main">{children}</main>
      </div>
      {open === 'palette' && <Palette onClose={() => setOpen(null)} onHelp={() => setOpen('help')} />}
      {open === 'help' && <Help onClose={() => setOpen(null)} />}
    </div>
  );
}
