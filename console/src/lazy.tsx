// A view whose code is fetched when it is first shown.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { t } from './texts';

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [View, setView] = useState<ComponentType<P> | null>(() => loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (View !== null) return;
      load().then(
        (found) => {
          loaded = found;
          setView(() => found);
        },
        () => setFailed(true),
      );
    }, []);
    if (View !== null) return <View {...props} />;
    return <div class="empty" role="status">{failed ? t.notFetched : t.loading}</div>;
  };
}
