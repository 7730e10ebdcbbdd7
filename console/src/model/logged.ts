// Whose pods are followed as one log, and which pods those are.
import { type Kind, kindByName, kindOf, kinds } from '../api/kinds';
import type { Pod, Selector } from '../api/types';
import { controllerOf, ownerOf } from './pod';
import { selectorText } from './rollout';

const kLogged = new Set(['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'jobs', 'services']);

// Others' groups have kinds of such names, too.
export function isLogged(kind: Kind): boolean {
  return kLogged.has(kind.plural) && kindByName(kind.plural)?.group === kind.group;
}

// A Service has its labels alone; '' where there is none.
export function selectorOf(kind: Kind, selector: Selector | Record<string, string> | undefined): string {
  if (kind.plural !== 'services') return selectorText(selector as Selector | undefined);
  return selectorText({ matchLabels: (selector ?? {}) as Record<string, string> });
}

// Its containers run, or may be started again.
export function saysMore(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

// The view of the object itself.
export function pageOf(kind: Kind, space: string, name: string): [string, string[]] {
  if (kind.plural === 'deployments') return ['deployment', [space, name]];
  if (kind.plural === 'services') return ['service', [space, name]];
  return ['object', [kind.plural, space, name]];
}

// The page of what made a pod, where it has one: of the Deployment rather than its ReplicaSet.
export function ownerPageOf(pod: Pod): [string, string[]] | null {
  const owner = controllerOf(pod);
  const name = ownerOf(pod);
  const space = pod.metadata.namespace ?? '';
  if (!owner) return null;
  const kind = kindOf(owner.kind, owner.apiVersion);
  if (!kind) return null;
  if (kind === kinds.replicasets && name !== owner.name) return pageOf(kinds.deployments, space, name);
  return pageOf(kind, kind.namespaced ? space : '', owner.name);
}
