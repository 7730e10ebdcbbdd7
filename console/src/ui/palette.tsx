// Ctrl K: views, namespaces, and objects that this page follows already, by a few letters.
import { useMemo, useState } from 'preact/hooks';

import { useOffered } from '../api/discovery';
import { useLive } from '../api/live';
import { kinds } from '../api/kinds';
import type { Obj } from '../api/types';
import { nearest } from '../model/nearest';
import { go, href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Dialog, Icon } from './parts';

interface Entry {
  text: string;
  kind: string;
  icon: string;
  run: () => void;
}

const kShownMax = 12;
export const kViews = ['overview', 'topology', 'cluster', 'workloads', 'pods', 'services', 'storage', 'jobs', 'events', 'kinds', 'deploy', 'create'] as const;

function entriesOf(objects: Obj[], kind: string, icon: string, view: string): Entry[] {
  return objects.map(({ metadata }) => ({
    text: metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name,
    kind,
    icon,
    run: () => go(href(view, [metadata.namespace, metadata.name])),
  }));
}

// All that can be gone to. `onHelp` stays the same.
function useEntries(onHelp: () => void): { all: Entry[]; known: boolean } {
  const space = namespace.value;
  const lives = [
    useLive<Obj>(kinds.namespaces), useLive<Obj>(kinds.pods, space),
    useLive<Obj>(kinds.deployments, space), useLive<Obj>(kinds.services, space),
  ] as const;
  const [spaces, pods, deployments, services] = lives.map((each) => each.list) as [Obj[], Obj[], Obj[], Obj[]];
  const offered = useOffered().list;
  const known = lives.every((each) => each.loaded || each.status.value === 'refused');
  const all = useMemo<Entry[]>(
    () => [
      ...kViews.map((view) => ({ text: t.nav[view], kind: t.nav.label, icon: view, run: () => go(href(view)) })),
      { text: t.help.title, kind: t.help.kind, icon: 'menu', run: onHelp },
      { text: t.allNamespaces, kind: t.namespace, icon: 'space', run: () => (namespace.value = '') },
      ...spaces.map((each) => ({
        text: each.metadata.name,
        kind: t.namespace,
        icon: 'space',
        run: () => (namespace.value = each.metadata.name),
      })),
      ...entriesOf(deployments, 'Deployment', 'workloads', 'deployment'),
      ...entriesOf(services, 'Service', 'services', 'service'),
      ...entriesOf(pods, 'Pod', 'pods', 'pod'),
      ...(offered ?? []).filter((each) => each.follows).map((each) => ({
        text: each.name, kind: t.nav.kinds, icon: 'kinds', run: () => go(href('kinds', [each.name])),
      })),
    ],
    [spaces, pods, deployments, services, offered],
  );
  return { all, known };
}

export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const { all, known } = useEntries(onHelp);
  const { shown } = useMemo(() => nearest(all, (entry) => entry.text, text, kShownMax), [all, text]);
  const chosen = Math.min(at, shown.length - 1);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.run();
  };
  return (
    <Dialog label={t.searchHint} class="palette" onClose={onClose}>
      <input
        class="input palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={chosen >= 0 ? `palette-${chosen}` : undefined}
        aria-label={t.searchHint}
        placeholder={t.palettePlaceholder}
        value={text}
        autoFocus
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, shown.length - 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
          else if (event.key === 'Enter') run(shown[chosen]);
          else return;
          event.preventDefault();
        }}
      />
      <div class="palette-list" id="palette-list" role="listbox" aria-label={t.searchHint}>
        {shown.map((entry, index) => (
          <div
            key={`${entry.kind} ${entry.text}`}
            id={`palette-${index}`}
            role="option"
            class="palette-entry"
            aria-selected={index === chosen}
            onPointerMove={() => setAt(index)}
            onClick={() => run(entry)}
          >
            <Icon name={entry.icon} />
            <span>{entry.text}</span>
            <small>{entry.kind}</small>
          </div>
        ))}
      </div>
      <p class="dim" role="status">{shown.length > 0 ? '' : known ? t.paletteEmpty : t.loading}</p>
    </Dialog>
  );
}
