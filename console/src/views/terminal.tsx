// A shell in a container, drawn by xterm.js.
import '@xterm/xterm/css/xterm.css';

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'preact/hooks';

import { Exec } from '../api/exec';
import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { Pod } from '../api/types';
import { Backlog } from '../model/backlog';
import { runningContainers } from '../model/pod';
import { place } from '../router';
import { dark } from '../settings';
import { t } from '../texts';
import { Badge, Notice } from '../ui/parts';
import { withConstructedStyles } from './terminal_styles';

const kShell = 'sh -c "command -v bash >/dev/null && exec bash || exec sh"';

// As a shell would split it, without its expansions.
function words(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)) {
    found.push(match[1]?.replace(/\\(.)/g, '$1') ?? match[2] ?? match[3]!);
  }
  return found;
}

// On a line of its own, whatever sequence or colour it broke off in.
function gap(bytes: number): Uint8Array {
  return new TextEncoder().encode(`\x18\x1b[0m\r\n${t.shell.leftOut(bytes)}\r\n`);
}

function colours(): Record<string, string> {
  return dark.value
    ? { background: '#0b1220', foreground: '#d6e2f0', cursor: '#2dd4bf', selectionBackground: '#28405f' }
    : { background: '#fbfcfe', foreground: '#16243a', cursor: '#0f766e', selectionBackground: '#c9def5',
        black: '#16243a', white: '#5a6b82', brightBlack: '#5a6b82', brightWhite: '#16243a', yellow: '#8a5a00', green: '#0f7a4d' };
}

function useTerminal(space: string, name: string, container: string, command: string, round: number) {
  const place = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<'opening' | 'open' | 'closed'>('opening');
  const [why, setWhy] = useState('');
  const shown = useRef<Terminal | null>(null);
  useEffect(() => {
    if (round === 0) return undefined;
    let opened = false;
    const terminal = new Terminal({
      fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 13,
      cursorBlink: true,
      screenReaderMode: true,
      scrollback: 5_000,
      theme: colours(),
    });
    shown.current = terminal;
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    const styles = withConstructedStyles(() => terminal.open(place.current!));
    fit.fit();
    setState('opening');
    setWhy('');
    const backlog = new Backlog((bytes, drawn) => terminal.write(bytes, drawn), gap);
    const exec = new Exec(space, name, container, words(command), {
      opened: () => {
        opened = true;
        setState('open');
        exec.resize(terminal.cols, terminal.rows);
        terminal.focus();
      },
      output: (bytes) => backlog.take(bytes),
      ended: (reason) => {
        setState('closed');
        setWhy(reason === '' || opened ? reason : t.shell.failed + reason);
      },
    });
    const typed = terminal.onData((text) => exec.type(text));
    const resized = terminal.onResize(({ cols, rows }) => exec.resize(cols, rows));
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(place.current!);
    return () => {
      observer.disconnect();
      typed.dispose();
      resized.dispose();
      exec.close();
      terminal.dispose();
      styles.dispose();
      shown.current = null;
    };
  }, [space, name, container, command, round]);
  // Other colours are no reason to end a shell.
  useEffect(() => {
    if (shown.current) shown.current.options.theme = colours();
  }, [dark.value]);
  return { place, state, why };
}

// `asked`: by a click, here. An address alone, which may be somebody else's, runs no command.
export function TerminalView({ asked }: { asked: boolean }) {
  const [space = '', name = ''] = place.value.params;
  const pod = useLive<Pod>(kinds.pods, space, { name }).list[0];
  const names = pod ? runningContainers(pod) : [];
  const [container, setContainer] = useState(names[0] ?? '');
  const [typed, setTyped] = useState(kShell);
  const [opened, setOpened] = useState({ command: kShell, round: asked ? 1 : 0 });
  const shell = useTerminal(space, name, container, opened.command, opened.round);
  return (
    <div class="terminal-view">
      <form class="table-tools" onSubmit={(event) => {
        event.preventDefault();
        setOpened({ command: typed, round: opened.round + 1 });
      }}>
        {names.length > 1 && (
          <select class="input" aria-label={t.logs.container} value={container} onChange={(event) => setContainer(event.currentTarget.value)}>
            {names.map((each) => <option key={each}>{each}</option>)}
          </select>
        )}
        <input class="input mono filter" aria-label={t.shell.command} value={typed} spellcheck={false}
               onInput={(event) => setTyped(event.currentTarget.value)} />
        <button class="button">{shell.state === 'closed' ? t.shell.again : t.shell.connect}</button>
        {opened.round > 0 && (
          <Badge tone={shell.state === 'open' ? 'good' : shell.state === 'opening' ? 'busy' : 'none'}>
            {shell.state === 'open' ? t.shell.open : shell.state === 'opening' ? t.connecting : t.shell.closed}
          </Badge>
        )}
      </form>
      {opened.round === 0 && <Notice tone="warn">{t.shell.asks}</Notice>}
      {shell.why && <Notice tone="bad">{shell.why}</Notice>}
      <div class="terminal-box" role="group" aria-label={t.shell.label} ref={shell.place} />
      <p class="small dim">{t.shell.hint}</p>
    </div>
  );
}
