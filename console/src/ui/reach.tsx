// How something is reached from where this browser is: by addresses that the cluster gave it, or by a
// port of one's own machine, which a command leads there.
import { useState } from 'preact/hooks';

import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { Ingress, Node, Pod, Service } from '../api/types';
import { certificatesWhy } from '../model/ingresswhy';
import { type Door, doorIn, doorTo, forwardOf, type Way, waysTo } from '../model/reach';
import { t } from '../texts';
import { Icon, Panel } from './parts';
import { say } from './toasts';
import { useCertificates } from './why';

export function Copy({ text }: { text: string }) {
  const copy = () =>
    navigator.clipboard.writeText(text).then(() => say('good', t.reach.copied), () => say('bad', t.reach.notCopied));
  return (
    <div class="copy">
      <code tabIndex={0}>{text}</code>
      <button class="icon-button" aria-label={t.reach.copy} title={t.reach.copy} onClick={() => void copy()}>
        <Icon name="copy" />
      </button>
    </div>
  );
}

function Open({ url }: { url: string }) {
  return <a href={url} target="_blank" rel="noopener noreferrer" class="mono break">{url} ↗</a>;
}

function Forward({ kind, space, name, ports }: { kind: 'service' | 'pod'; space: string; name: string; ports: Door[] }) {
  const [at, setAt] = useState(0);
  const forward = forwardOf(kind, space, name, ports[Math.min(at, ports.length - 1)]!);
  return (
    <div class="stack tight">
      <p class="small dim">{t.reach.forward}</p>
      {ports.length > 1 && (
        <select class="input" aria-label={t.deploy.port} value={at} onChange={(event) => setAt(Number(event.currentTarget.value))}>
          {ports.map((each, index) => <option key={each.port} value={index}>{each.port}</option>)}
        </select>
      )}
      <Copy text={forward.command} />
      <p class="small">{t.reach.then} <Open url={forward.url} /></p>
    </div>
  );
}

// With what a browser will warn of there, where it is to come by TLS.
function WayTo({ way, secretOf }: { way: Way; secretOf: ReturnType<typeof useCertificates> }) {
  const warnings = way.by && secretOf && way.url.startsWith('https:') ? certificatesWhy(way.by, secretOf) : [];
  return (
    <div>
      <dt>{t.reach.kinds[way.kind]}</dt>
      <dd><Open url={way.url} />{warnings.map((each) => <div key={each} class="small tone-warn reach-warning">{each}</div>)}</dd>
    </div>
  );
}

export function ServiceReach({ service }: { service: Service }) {
  const { name, namespace: space = '' } = service.metadata;
  const ingresses = useLive<Ingress>(kinds.ingresses, space).list;
  const nodes = useLive<Node>(kinds.nodes).list;
  const ways = waysTo(service, ingresses, nodes);
  const ports = (service.spec.ports ?? []).filter((each) => (each.protocol ?? 'TCP') === 'TCP').map(doorTo);
  const secretOf = useCertificates(ways.flatMap(({ by }) => by ?? []), space);
  if (service.spec.type === 'ExternalName' || (ways.length === 0 && ports.length === 0)) return null;
  return (
    <Panel title={t.reach.title}>
      {ways.length > 0 && (
        <dl class="facts reach">
          {ways.map((way) => <WayTo key={way.url} way={way} secretOf={secretOf} />)}
        </dl>
      )}
      {ports.length > 0 && service.spec.selector && <Forward kind="service" space={space} name={name} ports={ports} />}
    </Panel>
  );
}

export function PodReach({ pod }: { pod: Pod }) {
  const ports = pod.spec.containers.flatMap((each) => each.ports ?? [])
    .filter((each) => (each.protocol ?? 'TCP') === 'TCP').map(doorIn);
  // Containers of a pod may tell of the same one.
  const once = [...new Map(ports.map((each) => [each.port, each])).values()];
  if (ports.length === 0) return null;
  return (
    <Panel title={t.reach.title}>
      <Forward kind="pod" space={pod.metadata.namespace ?? ''} name={pod.metadata.name} ports={once} />
    </Panel>
  );
}
