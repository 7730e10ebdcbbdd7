// What is done to whatever runs pods by a template: more of them, fewer, or all anew.
import { useRef, useState } from 'preact/hooks';

import { patch } from '../api/request';
import { t } from '../texts';
import { Action, Icon } from './parts';
import { tell } from './toasts';

const kReplicasMax = 10_000;

export function Scale({ name, wanted, path }: { name: string; wanted: number; path: string }) {
  // null: nobody types, and the field says what is wanted, whoever wants it.
  const [typed, setTyped] = useState<number | null>(null);
  const shown = typed ?? wanted;
  const field = useRef<HTMLInputElement>(null);
  const scale = async (to: number) => {
    const replicas = Math.max(0, Math.min(kReplicasMax, Math.round(to)));
    if (await tell(() => patch(`${path}/scale`, { spec: { replicas } }), t.done.scaled(name, replicas))) setTyped(null);
  };
  return (
    <form class="scale" onSubmit={(event) => {
      event.preventDefault();
      field.current?.focus(); // The button goes.
      void scale(shown);
    }}>
      <Action class="icon-only" label={t.deployment.fewer} text={<Icon name="minus" />} disabled={wanted === 0} run={() => scale(wanted - 1)} />
      <label>
        <span class="hidden">{t.deployment.scale}</span>
        <input ref={field} class="input scale-input" type="number" min={0} max={kReplicasMax} value={shown}
               onInput={(event) => setTyped(event.currentTarget.valueAsNumber || 0)} />
      </label>
      <Action class="icon-only" label={t.deployment.moreReplicas} text={<Icon name="plus" />} run={() => scale(wanted + 1)} />
      {shown !== wanted && <button class="button primary">{t.deployment.setScale}</button>}
    </form>
  );
}

// As kubectl rollout restart.
export function restart(path: string, name: string): Promise<boolean> {
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
  return tell(() => patch(path, { spec: { template: { metadata: { annotations } } } }), t.done.restarted(name));
}
