// What a ConfigMap or a Secret holds; of a Secret only what somebody asks to see
// is decoded: the editor above has it as it is sent.
import { useMemo, useState } from 'preact/hooks';

import type { Obj } from '../api/types';
import { type Held, heldBy } from '../model/held';
import { t } from '../texts';
import { Panel } from './parts';

function Value({ held, hidden }: { held: Held; hidden: boolean }) {
  const [shown, setShown] = useState(!hidden);
  return (
    <li>
      <div class="held-head">
        <b class="mono">{held.key}</b>
        <span class="dim small">{t.kinds.bytes(held.bytes)}{held.text === null && `, ${t.kinds.binary}`}</span>
        {hidden && held.text && (
          <button class="button small" aria-expanded={shown} aria-label={`${shown ? t.kinds.hide : t.kinds.reveal}: ${held.key}`}
                  onClick={() => setShown(!shown)}>
            {shown ? t.kinds.hide : t.kinds.reveal}
          </button>
        )}
      </div>
      {shown && held.text && <pre class="held" tabIndex={0} aria-label={held.key}>{held.text}</pre>}
    </li>
  );
}

export function Data({ object, encoded }: { object: Obj; encoded: boolean }) {
  const all = useMemo(() => heldBy(object as Parameters<typeof heldBy>[0], encoded), [object, encoded]);
  if (all.length === 0) return null;
  return (
    <Panel title={t.kinds.data}>
      <ul class="held-list">
        {all.map((each) => <Value key={each.key} held={each} hidden={encoded} />)}
      </ul>
    </Panel>
  );
}
