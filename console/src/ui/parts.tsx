// Small parts that views are made of.
import { type ButtonHTMLAttributes, type ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Live } from '../api/live';
import type { ApiError } from '../api/request';
import type { Obj } from '../api/types';
import { age } from '../model/age';
import type { Tone } from '../model/pod';
import { t } from '../texts';
import { headingCame, passFocus } from './heading';

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge tone-${tone}`}>
      <i class="dot" aria-hidden="true" />
      <span class="badge-text">{children}</span>
    </span>
  );
}

export function Age({ time }: { time?: string }) {
  return time ? (
    <time dateTime={time} title={new Date(time).toLocaleString()}>
      {age(time)}
    </time>
  ) : null;
}

const kIcons: Record<string, string> = {
  overview: 'M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z',
  topology: 'M4 12a2 2 0 1 0 0-.010M12 5a2 2 0 1 0 0-.010M12 19a2 2 0 1 0 0-.010M20 12a2 2 0 1 0 0-.010M6 11l4.500-4.500M6 13l4.500 4.500M14 6l4.500 4.500M14 18l4.500-4.500',
  cluster: 'M3 4h18v6H3zM3 14h18v6H3zM7 7h.010M7 17h.010M12 7h5M12 17h5',
  workloads: 'M12 2l9 5v10l-9 5-9-5V7zM3 7l9 5 9-5M12 12v10',
  pods: 'M12 3l8 4.500v9L12 21l-8-4.500v-9z',
  services: 'M12 5a2 2 0 1 0 0-.010M5 19a2 2 0 1 0 0-.010M19 19a2 2 0 1 0 0-.010M12 7v5M12 12l-6 5M12 12l6 5',
  storage: 'M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0',
  jobs: 'M12 3a9 9 0 1 0 9 9M12 7v5l3 3M16 3h5v5',
  events: 'M3 12h4l3-8 4 16 3-8h4',
  kinds: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM17 14v6M14 17h6',
  deploy: 'M12 15V4M7 9l5-5 5 5M4 15v5h16v-5',
  create: 'M6 3h9l4 4v14H6zM15 3v4h4M12 11v6M9 14h6',
  space: 'M3 6h7l2 2.500h9V19H3z',
  search: 'M10.500 4a6.500 6.500 0 1 0 .010 0M15.500 15.500L21 21',
  menu: 'M4 6h16M4 12h16M4 18h16',
  close: 'M5 5l14 14M19 5L5 19',
  sun: 'M12 8a4 4 0 1 0 .010 0M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M19 5l-1.500 1.500M6.500 17.500L5 19',
  moon: 'M20 14A8.500 8.500 0 1 1 10 4a7 7 0 0 0 10 10z',
  system: 'M3 5h18v11H3zM9 20h6M12 16v4',
  out: 'M10 4H4v16h6M14 8l4 4-4 4M18 12H9',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  check: 'M4 12.500l5.500 5.500L20 7',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  down: 'M6 9l6 6 6-6',
  arrow: 'M5 12h14M13 6l6 6-6 6',
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={kIcons[name] ?? ''} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="logo-sail" d="M17 3v15h9.500C25.600 11 22 5.800 17 3z" />
      <path class="logo-jib" d="M15 7v11H6.500C7.200 13.400 10.400 9.500 15 7z" />
      <path class="logo-hull" d="M3 20.500h26c-1.200 4.600-4.600 7.500-9 7.500h-8c-4.400 0-7.800-2.900-9-7.500z" />
    </svg>
  );
}

export function Panel(props: { title?: ComponentChildren; side?: ComponentChildren; class?: string; children: ComponentChildren }) {
  return (
    <section class={`panel ${props.class ?? ''}`}>
      {props.title !== undefined && (
        <header class="panel-head">
          <h2>{props.title}</h2>
          {props.side}
        </header>
      )}
      {props.children}
    </section>
  );
}

const kWordMax = 400;

function shortened(text: string): string {
  return text.length > kWordMax ? `${text.slice(0, kWordMax)}…` : text;
}

// Labels or annotations; nothing where there are none.
export function Words({ title, words }: { title: string; words: Record<string, string> | undefined }) {
  const all = Object.entries(words ?? {});
  if (all.length === 0) return null;
  return (
    <Panel title={title}>
      <ul class="labels">
        {all.map(([key, value]) => <li key={key} class="chip mono">{key}={shortened(value)}</li>)}
      </ul>
    </Panel>
  );
}

const kLongTitle = 60;

export function Head({ title, sub, children }: { title: ComponentChildren; sub?: ComponentChildren; children?: ComponentChildren }) {
  useLayoutEffect(headingCame, []);
  return (
    <header class="view-head">
      <div class="view-title">
        <h1 tabIndex={-1} class={typeof title === 'string' && title.length > kLongTitle ? 'long' : undefined}>{title}</h1>
        {sub !== undefined && <div class="view-sub">{sub}</div>}
      </div>
      <div class="view-actions">{children}</div>
    </header>
  );
}

export function Notice({ tone, title, children }: { tone: Tone; title?: string; children?: ComponentChildren }) {
  return (
    <div class={`notice tone-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {title && <strong>{title}</strong>}
      {children}
    </div>
  );
}

export function ErrorNotice({ error }: { error: ApiError | null }) {
  return error ? <Notice tone="bad">{error.message || t.unanswered}</Notice> : null;
}

// Why there is nothing new. Who says 429 or 500 does answer.
export function awayText(error: ApiError | null): string {
  return error === null || error.code === 0 ? t.away : t.failing(error.code, error.message);
}

// What to show of a collection that cannot be shown; null where it can.
export function Standing({ of }: { of: Live<Obj> }) {
  const status = of.status.value;
  if (status === 'refused') {
    return (
      <div class="empty" role="alert">
        <h2>{t.refusedTitle}</h2>
        <p class="mono small">{of.error.value?.message}</p>
        <p>{t.refusedHint}</p>
        <button class="button" onClick={() => of.retry()}>
          {t.retry}
        </button>
      </div>
    );
  }
  if (of.loaded) return null;
  return (
    <div class="empty" role="status">
      <span class="spinner" aria-hidden="true" />
      {status === 'away' ? awayText(of.error.value) : t.loading}
    </div>
  );
}

export function Tabs(props: { label: string; tabs: { id: string; text: string; count?: number }[]; current: string; onPick: (id: string) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = props.tabs.findIndex((each) => each.id === props.current);
    const next = (at + step + props.tabs.length) % props.tabs.length;
    props.onPick(props.tabs[next]!.id);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
      {props.tabs.map((each) => (
        <button
          key={each.id}
          type="button"
          role="tab"
          class="tab"
          aria-selected={each.id === props.current}
          tabIndex={each.id === props.current ? 0 : -1}
          onClick={() => props.onPick(each.id)}
        >
          {each.text}
          {each.count !== undefined && <span class="count">{each.count}</span>}
        </button>
      ))}
    </div>
  );
}

// A modal that the browser keeps the focus in.
// `stays`: as long as it is rendered. A browser closes one that Escape is pressed in twice, whatever it is told.
export function Dialog(props: { label: string; class?: string; stays?: boolean; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const pressed = useRef<EventTarget | null>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Closed, and not taken away alone: the focus goes back to where it was.
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${props.class ?? ''}`}
      aria-label={props.label}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClose={() => {
        if (props.stays) dialog.current?.showModal();
        else props.onClose();
      }}
      onPointerDown={(event) => (pressed.current = event.target)}
      onClick={(event) => {
        // Who drags a choice of text beyond its end means the text.
        if (event.target === dialog.current && pressed.current === dialog.current) props.onClose();
      }}
    >
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}

// A button that keeps the focus while it does nothing: a browser takes it from one that is disabled, and whoever
// works by keys would begin at the top of the page again. One that goes leaves it to the view's heading.
export function Button({ off, onClick, ...rest }: { off?: boolean | undefined; onClick?: () => void } & Omit<ButtonHTMLAttributes, 'disabled' | 'onClick'>) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const shown = button.current;
    return () => passFocus(shown);
  }, []);
  return (
    <button
      type="button"
      {...rest}
      ref={button}
      aria-disabled={off || undefined}
      onClick={(event) => {
        if (off) event.preventDefault();
        else onClick?.();
      }}
    />
  );
}

// A button whose work may fail, and which asks first where `sure` says what.
export function Action(props: {
  text: ComponentChildren;
  label?: string;
  class?: string;
  sure?: string;
  yes?: string; // What to say to go on; else that it is deleted.
  disabled?: boolean;
  run: () => Promise<unknown>;
}) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const run = async () => {
    setAsking(false);
    setBusy(true);
    try {
      await props.run();
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button
        class={`button ${props.class ?? ''}`}
        aria-label={props.label}
        off={busy || props.disabled}
        onClick={() => (props.sure ? setAsking(true) : void run())}
      >
        {props.text}
      </Button>
      {asking && (
        <Dialog label={props.sure!} onClose={() => setAsking(false)}>
          <p>{props.sure}</p>
          <div class="row end">
            <button type="button" class="button" onClick={() => setAsking(false)}>
              {t.cancel}
            </button>
            <button type="button" class="button danger solid" onClick={() => void run()}>
              {props.yes ?? t.actions.confirm}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
