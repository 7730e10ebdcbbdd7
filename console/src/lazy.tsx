// A view whose code is fetched when it is first shown.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { part, upgraded } from './api/part';
import { t } from './texts';
import { Upgraded } from './ui/upgraded';

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [View, setView] = useState<ComponentType<P> | null>(() => loaded);
    const [failed, setFailed] = useState(false);
    const [round, setRound] = useState(0);
    useEffect(() => {
      if (View !== null) return;
      setFailed(false);
      part(load).then(
        (found) => {
          loaded = found;
          setView(() => found);
        },
        () => setFailed(true),
      );
    }, [round]);
    if (View !== null) return <View {...props} />;
    if (!failed) return <div class="empty" role="status"><span class="spinner" aria-hidden="true" />{t.loading}</div>;
    if (upgraded.value) return <Upgraded />;
    return (
      <div class="empty" role="alert">
        {t.notFetched}
        <button class="button" onClick={() => setRound(round + 1)}>{t.retry}</button>
      </div>
    );
  };
}
