import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/views.css';

import { type ComponentType, render } from 'preact';

import { loggedIn, owner, restoreSession } from './api/session';
import { lazy } from './lazy';
import { place } from './router';
import { t } from './texts';
import { Dialog } from './ui/parts';
import { Shell } from './ui/shell';
import { Toasts } from './ui/toasts';
import { Deploy } from './views/deploy';
import { DeploymentView } from './views/deployment';
import { Events } from './views/events';
import { Jobs } from './views/jobs';
import { Login } from './views/login';
import { Overview } from './views/overview';
import { PodView } from './views/pod';
import { Pods } from './views/pods';
import { ServiceView } from './views/service';
import { Services } from './views/services';
import { Storage } from './views/storage';
import { Workloads } from './views/workloads';

restoreSession();

// The editor brings the YAML library along: only who opens it waits for that.
const ObjectView = lazy(() => import('./views/object').then((module) => module.ObjectView));

const kViews: Record<string, ComponentType> = {
  overview: Overview,
  workloads: Workloads,
  deployment: DeploymentView,
  pods: Pods,
  pod: PodView,
  services: Services,
  service: ServiceView,
  storage: Storage,
  jobs: Jobs,
  events: Events,
  deploy: Deploy,
  object: ObjectView,
};

function App() {
  if (owner.value === '') {
    return (
      <main class="door">
        <Login />
      </main>
    );
  }
  const { view, params } = place.value;
  const View = kViews[view] ?? Overview;
  return (
    <>
      {/* Stays while its owner comes back; for anybody else it begins anew. */}
      <Shell key={owner.value}>
        <View key={`${view}/${params.join('/')}`} />
      </Shell>
      {!loggedIn.value && (
        <Dialog label={t.login.again} class="login-dialog" onClose={() => undefined}>
          <Login />
        </Dialog>
      )}
      <Toasts />
    </>
  );
}

render(<App />, document.getElementById('app')!);
