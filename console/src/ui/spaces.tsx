// Which namespace one looks at: of hundreds, the one that is meant is found by a few letters of its name.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { type Live, useLive } from '../api/live';
import { takeHome } from '../api/session';
import type { Obj } from '../api/types';
import { nearest } from '../model/nearest';
import { namespace } from '../settings';
import { t } from '../texts';
import { Button, Icon } from './parts';

const kShownMax = 100;

interface Choice {
  name: string; // "": all of them.
  text: string;
}

function keepInSight(list: HTMLElement | null, at: number): void {
  list?.children[at]?.scrollIntoView({ block: 'nearest' });
}

function Choices({ names, known, onPick, onClose }: { names: string[]; known: boolean; onPick: (name: string) => void; onClose: () => void }) {
  const value = namespace.value;
  const [typed, setTyped] = useState('');
  const all = useMemo<Choice[]>(() => {
    // The chosen one is first, also where it is gone meanwhile.
    const known = value === '' ? names : [value, ...names.filter((each) => each !== value)];
    return [{ name: '', text: t.allNamespaces }, ...known.map((name) => ({ name, text: name }))];
  }, [names, value]);
  const { shown, left } = useMemo(() => nearest(all, (each) => each.text, typed, kShownMax), [all, typed]);
  const [at, setAt] = useState(() => Math.max(0, shown.findIndex((each) => each.name === value)));
  const chosen = Math.min(at, shown.length - 1);
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => input.current?.focus(), []);
  useLayoutEffect(() => keepInSight(list.current, chosen), [chosen]);
  const onKey = (event: KeyboardEvent) => {
    const last = shown.length - 1;
    const steps: Record<string, number> = { ArrowDown: Math.min(chosen + 1, last), ArrowUp: Math.max(chosen - 1, 0), PageDown: Math.min(chosen + 8, last), PageUp: Math.max(chosen - 8, 0) };
    if (event.key in steps) setAt(steps[event.key]!);
    else if (event.key === 'Enter') shown[chosen] && onPick(shown[chosen].name);
    else if (event.key === 'Escape') onClose();
    else return;
    event.preventDefault();
  };
  return (
    <div class="spaces-pop">
      <input
        class="input"
        role="combobox"
        aria-expanded="true"
        aria-controls="spaces-list"
        aria-activedescendant={chosen >= 0 ? `space-${chosen}` : undefined}
        aria-label={t.findNamespace}
        placeholder={t.findNamespace}
        value={typed}
        autocomplete="off"
        spellcheck={false}
        ref={input}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <div class="spaces-list" id="spaces-list" role="listbox" aria-label={t.namespace} ref={list}>
        {shown.map((each, index) => (
          <div
            key={each.name}
            id={`space-${index}`}
            role="option"
            class={each.name === value ? 'spaces-entry current' : 'spaces-entry'}
            aria-selected={index === chosen}
            onPointerMove={() => setAt(index)}
            onClick={() => onPick(each.name)}
          >
            <span>{each.text}</span>
            {each.name === value && <Icon name="check" />}
          </div>
        ))}
      </div>
      <p class="dim small spaces-more" role="status">{!known ? t.loading : shown.length === 0 ? t.noNamespace : left > 0 ? t.moreNamespaces(left) : ''}</p>
    </div>
  );
}

// Who may not list them has to name one, unless his login did.
function useHome(spaces: Live<Obj>): void {
  const isRefused = spaces.status.value === 'refused';
  const { loaded } = spaces;
  useEffect(() => {
    if (!isRefused && !loaded) return;
    const home = takeHome();
    if (isRefused && home !== '') namespace.value = home;
  }, [isRefused, loaded]);
}

// The chosen namespace, if it is none of those that there are; "": it is there, or nobody knows.
function goneOf(spaces: Live<Obj>): string {
  const value = namespace.value;
  const isKnown = value === '' || !spaces.loaded || spaces.status.value === 'refused';
  return isKnown || spaces.list.some((each) => each.metadata.name === value) ? '' : value;
}

// Above what would be shown of a namespace that was deleted, or that a link of old names.
export function GoneSpace() {
  const gone = goneOf(useLive<Obj>(kinds.namespaces));
  // Those who hear it are told by what was there before.
  return (
    <>
      <span class="hidden" role="status">{gone && t.namespaceGoneHint(gone)}</span>
      {gone !== '' && (
        <section class="trouble-bar tone-warn" aria-label={t.namespace}>
          <p>{t.namespaceGoneHint(gone)}</p>
          <div class="row">
            <Button class="button small" onClick={() => (namespace.value = '')}>{t.allNamespaces}</Button>
          </div>
        </section>
      )}
    </>
  );
}

export function NamespacePicker() {
  const spaces = useLive<Obj>(kinds.namespaces);
  useHome(spaces);
  const list = spaces.list;
  const names = useMemo(() => list.map((each) => each.metadata.name), [list]);
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const value = namespace.value;
  const text = goneOf(spaces) === '' ? value || t.allNamespaces : t.namespaceGone(value);
  // Who presses a button elsewhere means that.
  useEffect(() => {
    if (!open) return;
    const onPress = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', onPress, true);
    return () => removeEventListener('pointerdown', onPress, true);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  // Who may not list namespaces names one that he knows.
  if (spaces.status.value === 'refused') {
    return (
      <input
        class="input space"
        aria-label={t.namespace}
        placeholder={t.namespace}
        value={value}
        onChange={(event) => (namespace.value = event.currentTarget.value.trim())}
      />
    );
  }
  return (
    <div
      class="spaces"
      ref={box}
      onFocusOut={(event) => {
        const to = event.relatedTarget as Node | null;
        if (to !== null && !box.current?.contains(to)) setOpen(false);
      }}
    >
      <button
        class="space-button"
        ref={button}
        aria-label={t.namespaceNow(text)}
        aria-haspopup="listbox"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown') return;
          event.preventDefault();
          setOpen(true);
        }}
      >
        <span>{text}</span>
        <Icon name="down" />
      </button>
      {open && (
        <Choices
          names={names}
          known={spaces.loaded}
          onClose={close}
          onPick={(name) => {
            namespace.value = name;
            close();
          }}
        />
      )}
    </div>
  );
}

// What a field for a namespace that one types offers; it may be one that is yet to be made.
export function SpaceOptions({ id }: { id: string }) {
  const { list } = useLive<Obj>(kinds.namespaces);
  return <datalist id={id}>{list.map(({ metadata }) => <option key={metadata.uid} value={metadata.name} />)}</datalist>;
}
