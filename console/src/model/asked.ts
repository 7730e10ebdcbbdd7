// What pods ask of their nodes, as the scheduler counts it: k8s.io/component-helpers/resource, PodRequests.
import type { Container, Pod } from '../api/types';
import { quantity, unitsOf } from './quantity';
import type { Use } from './usage';

type Amounts = Record<string, string> | undefined;

// Sidecars go on beside the containers, other init containers run one after another before them, each beside the
// sidecars that began before it.
function summed(containers: Container[], before: Container[], of: (requests: Amounts) => number): number {
  let sidecars = 0;
  let most = 0;
  for (const { resources, restartPolicy } of before) {
    const own = of(resources?.requests);
    if (restartPolicy === 'Always') sidecars += own;
    most = Math.max(most, restartPolicy === 'Always' ? sidecars : sidecars + own);
  }
  const steady = containers.reduce((sum, each) => sum + of(each.resources?.requests), sidecars);
  return Math.max(steady, most);
}

// What the pod asks for as a whole counts in place of its containers'.
function wholeOf({ containers, initContainers = [], resources, overhead }: Pod['spec'], what: string, of: (requests: Amounts) => number): number {
  const whole = resources?.requests?.[what] !== undefined;
  return (whole ? of(resources.requests) : summed(containers, initContainers, of)) + of(overhead);
}

const known = new WeakMap<Pod, Use>();

export function askedBy(pod: Pod): Use {
  const before = known.get(pod);
  if (before) return before;
  const asked = {
    cpu: wholeOf(pod.spec, 'cpu', (requests) => quantity(requests?.cpu)),
    memory: wholeOf(pod.spec, 'memory', (requests) => quantity(requests?.memory)),
  };
  known.set(pod, asked);
  return asked;
}

const kFirst = ['cpu', 'memory', 'ephemeral-storage'];
const knownAll = new WeakMap<Pod, [string, number][]>();

// Of every resource, in units of it, CPU and memory first.
export function askedFor(pod: Pod): [string, number][] {
  const before = knownAll.get(pod);
  if (before) return before;
  const { containers, initContainers = [], resources, overhead } = pod.spec;
  const names = new Set([resources?.requests, overhead, ...[...containers, ...initContainers].map((each) => each.resources?.requests)]
    .flatMap((each) => Object.keys(each ?? {})));
  const asked = [...kFirst.filter((each) => names.has(each)), ...[...names].filter((each) => !kFirst.includes(each)).sort()]
    .map((what): [string, number] => [what, wholeOf(pod.spec, what, (requests) => unitsOf(what, requests?.[what]))]);
  const made = asked.filter(([, amount]) => amount > 0);
  knownAll.set(pod, made);
  return made;
}

// Whoever has ended, well or not, holds nothing of his node any more.
export function isHeld(pod: Pod): boolean {
  return !!pod.spec.nodeName && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}
