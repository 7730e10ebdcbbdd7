// What pods ask of their nodes, as the scheduler counts it: k8s.io/component-helpers/resource, PodRequests.
import type { Container, Pod } from '../api/types';
import { quantity } from './quantity';
import type { Use } from './usage';

type What = keyof Use;
const kWhat: What[] = ['cpu', 'memory'];

function of(requests: Record<string, string> | undefined): Use {
  return { cpu: quantity(requests?.cpu), memory: quantity(requests?.memory) };
}

// Sidecars go on beside the containers, other init containers run one after another before them, each beside the
// sidecars that began before it.
function summed(containers: Container[], before: Container[], what: What): number {
  let sidecars = 0;
  let most = 0;
  for (const { resources, restartPolicy } of before) {
    const own = of(resources?.requests)[what];
    if (restartPolicy === 'Always') sidecars += own;
    most = Math.max(most, restartPolicy === 'Always' ? sidecars : sidecars + own);
  }
  const steady = containers.reduce((sum, each) => sum + of(each.resources?.requests)[what], sidecars);
  return Math.max(steady, most);
}

const known = new WeakMap<Pod, Use>();

export function askedBy(pod: Pod): Use {
  const before = known.get(pod);
  if (before) return before;
  const { containers, initContainers, resources, overhead } = pod.spec;
  const asked = { cpu: 0, memory: 0 };
  for (const what of kWhat) {
    // What the pod asks for as a whole counts in place of its containers'.
    const whole = resources?.requests?.[what];
    asked[what] = (whole === undefined ? summed(containers, initContainers ?? [], what) : quantity(whole)) + of(overhead)[what];
  }
  known.set(pod, asked);
  return asked;
}

// Whoever has ended, well or not, holds nothing of his node any more.
export function isHeld(pod: Pod): boolean {
  return !!pod.spec.nodeName && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}
