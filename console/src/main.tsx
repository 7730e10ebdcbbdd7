import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/views.css';
import './style/charts.css';

import { type ComponentChildren, type ComponentType, render } from 'preact';
import { useErrorBoundary } from 'preact/hooks';

import { loggedIn, owner, restoreSession } from './api/session';
import { lazy } from './lazy';
import { opened, place } from './router';
import { t } from './texts';
import { Dialog, Head, Notice } from './ui/parts';
import { releaseWhatWasShown } from './ui/release';
import { Shell } from './ui/shell';
import { tellWhatIsCut } from './ui/tips';
import { Toasts } from './ui/toasts';
import { Cluster } from './views/cluster';
import { Deploy } from './views/deploy';
import { DeploymentView } from './views/deployment';
import { Events } from './views/events';
import { Jobs } from './views/jobs';
import { Kinds } from './views/kinds';
import { Login } from './views/login';
import { ManyLogs } from './views/manylogs';
import { Overview } from './views/overview';
import { PodView } from './views/pod';
import { Pods } from './views/pods';
import { ServiceView } from './views/service';
import { Services } from './views/services';
import { Storage } from './views/storage';
import { Topology } from './views/topology';
import { Workloads } from './views/workloads';

if (!opened) restoreSession();

// The editor brings the YAML library along: only who opens it waits for that.
const ObjectView = lazy(() => import('./views/editing').then((module) => module.ObjectView));

const CreateView = lazy(() => import('./views/editing').then((module) => module.CreateView));

const kViews: Record<string, ComponentType> = {
  overview: Overview,
  topology: Topology,
  cluster: Cluster,
  logs: ManyLogs,
  workloads: Workloads,
  deployment: DeploymentView,
  pods: Pods,
  pod: PodView,
  services: Services,
  service: ServiceView,
  storage: Storage,
  jobs: Jobs,
  events: Events,
  kinds: Kinds,
  deploy: Deploy,
  object: ObjectView,
  create: CreateView,
};

// A view that cannot show something is told of, and the others can still be gone to.
function Guarded({ children }: { children: ComponentChildren }) {
  const [broken, again] = useErrorBoundary((error) => console.error(error));
  if (!broken) return <>{children}</>;
  return (
    <>
      <Head title={t.broken.title} />
      <Notice tone="bad">{t.broken.text}</Notice>
      <p class="mono small">{String((broken as Error).message ?? broken)}</p>
      <button class="button" onClick={again}>{t.retry}</button>
    </>
  );
}

function App() {
  if (owner.value === '') {
    return (
      <>
        <main class="door">
          <Login />
        </main>
        <Toasts />
      </>
    );
  }
  const { view, params } = place.value;
  // Somebody's link may say "constructor".
  const View = (Object.hasOwn(kViews, view) && kViews[view]) || Overview;
  return (
    <>
      {/* Stays while its owner comes back; for anybody else it begins anew. */}
      <Shell key={owner.value}>
        <Guarded key={`${view}/${params.join('/')}`}><View /></Guarded>
      </Shell>
      {!loggedIn.value && (
        <Dialog label={t.login.again} class="login-dialog" stays onClose={() => undefined}>
          <Login />
        </Dialog>
      )}
      <Toasts />
    </>
  );
}

releaseWhatWasShown();
tellWhatIsCut();
const app = document.getElementById('app')!;
app.replaceChildren(); // What index.html says where no script comes; base.css hides it for a while.
render(<App />, app);
