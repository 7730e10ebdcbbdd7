// Why no node was chosen for a pod: the first sentence of `skiff why` (cli/why/scheduling.cc), without the pod's name.
import type { Claim, Node, Obj, PersistentVolume, Pod } from '../api/types';
import { t } from '../texts';
import { now } from './age';
import { asksAnother, isJudged, isOverlooked, type Load, type Obstacle, obstacleOn, type Shortage } from './obstacles';
import { condition } from './pod';
import { amountText } from './quantity';

// What of the cluster is known; null: it may not be seen, or is not known yet.
export interface SchedulingFacts {
  nodes: Node[] | null;
  loads: Map<string, Load> | null; // By node.
  claims: Claim[] | null;
  volumes: PersistentVolume[] | null;
  resourceClaims: Obj[] | null;
  templates: Obj[] | null; // Of resource claims.
}

// Nodes that the same thing keeps the pod off.
interface Group {
  text: string;
  nodes: number;
  best: Map<string, Shortage>; // By resource: of the node that lacks the least of it.
}

// Rules about the pods and volumes of nodes, by the scheduler's words: no node alone is to blame.
const kRules: [string, string][] = [
  ["didn't match pod affinity rules", t.scheduling.podAffinity],
  ["didn't match pod anti-affinity rules", t.scheduling.podAntiAffinity],
  ["didn't satisfy existing pods anti-affinity rules", t.scheduling.existingAntiAffinity],
  ['topology spread constraints,', t.scheduling.oneTooMany],
  ['topology spread constraints.', t.scheduling.oneTooMany],
  ['topology spread constraints (missing required label)', t.scheduling.noSpreadLabel],
  ['topology spread constraints', t.scheduling.oneTooMany],
  ["didn't find available persistent volumes to bind", t.scheduling.noVolumes],
  ['binding volumes: ', t.scheduling.notBound],
  ['did not have enough free storage', t.scheduling.noStorage],
  ['exceed max volume count', t.scheduling.maxVolumes],
  ['no available volume zone', t.scheduling.otherZones],
  ['ReadWriteOncePod', t.scheduling.oncePod],
  ['cannot allocate all claims', t.scheduling.noDevices],
];
const kMissing = /persistentvolumeclaim "([^"]+)" not found/;
const kUnbound = 'unbound immediate PersistentVolumeClaims';
const kReasons = ' nodes are available: ';

function groupsOf(obstacles: Obstacle[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { text, shortages } of obstacles) {
    let group = groups.get(text);
    if (!group) groups.set(text, (group = { text, nodes: 0, best: new Map() }));
    group.nodes += 1;
    for (const each of shortages) {
      const best = group.best.get(each.resource);
      if (!best || each.wanted - each.free < best.wanted - best.free) group.best.set(each.resource, each);
    }
  }
  return [...groups.values()].sort((a, b) => b.nodes - a.nodes);
}

// One group is said as a whole, of several how many nodes each.
function surveyText(groups: Group[], nodes: number, own: string): string {
  if (groups.length > 1) return t.scheduling.none(nodes, groups.map((each) => t.scheduling.some(each.nodes, each.text)).join(', '));
  const { text, best } = groups[0]!;
  const [shortage] = best.values();
  const only = t.scheduling.only(own);
  if (!shortage || best.size > 1) return t.scheduling.every(nodes, text, only);
  const { resource, wanted, free } = shortage;
  if (resource === 'pods') return t.scheduling.every(nodes, t.scheduling.full, only);
  return t.scheduling.short(amountText(resource, wanted), resource, nodes, amountText(resource, free), only);
}

// "3 of them", of "0/3 nodes are available: 3 of them. preemption: ..."
function reasonsIn(words: string): string {
  const at = words.indexOf(kReasons);
  return at < 0 ? '' : words.slice(at + kReasons.length).split('. ')[0]!.replace(/\.$/, '');
}

// A claim that has to be there, and bound, before any node is looked at.
function claimText(pod: Pod, words: string): string {
  const volumes = (pod.spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim: claim, ephemeral }) =>
    claim ? [{ name, claim: claim.claimName }] : ephemeral ? [{ name, claim: `${pod.metadata.name}-${name}` }] : []);
  const missing = kMissing.exec(words)?.[1];
  const of = volumes.find((each) => each.claim === missing);
  if (of) return t.scheduling.claimMissing(of.claim, of.name);
  return words.includes(kUnbound) && volumes.length === 1 ? t.scheduling.claimUnbound(volumes[0]!.claim) : '';
}

function findOf<T extends Obj>(objects: T[], { metadata }: Pod, name: string): T | undefined {
  return objects.find((each) => each.metadata.name === name && each.metadata.namespace === metadata.namespace);
}

// The volumes that its claims are bound to, which may be for some nodes alone.
function volumesOf(pod: Pod, { claims, volumes }: SchedulingFacts): PersistentVolume[] {
  if (!claims || !volumes) return [];
  return (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => {
    const name = claim && findOf(claims, pod, claim.claimName)?.spec.volumeName;
    return volumes.find((each) => each.metadata.name === name) ?? [];
  });
}

// Claims of devices that have to exist before the scheduler looks at it, of which nothing tells but they.
function resourceClaimText(pod: Pod, { resourceClaims, templates }: SchedulingFacts): string {
  // One that names no claim says that none is needed.
  const isSettled = (name: string) => pod.status?.resourceClaimStatuses?.some((each) => each.name === name);
  for (const { name, resourceClaimName = '', resourceClaimTemplateName: template = '' } of pod.spec.resourceClaims ?? []) {
    if (template !== '') {
      if (isSettled(name)) continue;
      if (templates && !findOf(templates, pod, template)) return t.scheduling.noTemplate(template, name);
      return t.scheduling.notMade(template);
    }
    if (resourceClaims && !findOf(resourceClaims, pod, resourceClaimName)) return t.scheduling.noResourceClaim(resourceClaimName, name);
  }
  return '';
}

// The node that a pod is for and no other, by a name in its affinity, as a DaemonSet's.
function nodeOfDaemon(pod: Pod): string | undefined {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const names = terms.map(({ matchFields = [] }) =>
    matchFields.find(({ key, operator, values = [] }) => key === 'metadata.name' && operator === 'In' && values.length === 1)?.values?.[0]);
  return new Set(names).size === 1 ? names[0] : undefined;
}

// Who was asked for and does not look at it, where he had the time to.
function silentText(pod: Pod): string {
  return asksAnother(pod) && isOverlooked(pod, now.value) ? t.scheduling.silent(pod.spec.schedulerName!) : '';
}

// '': nothing keeps it that could be found out.
export function schedulingWhy(pod: Pod, facts: SchedulingFacts): string {
  const { nodes, loads } = facts;
  const gates = pod.spec.schedulingGates ?? [];
  if (gates.length > 0) return t.scheduling.gated(gates.map((each) => each.name));
  const words = condition(pod.status?.conditions, 'PodScheduled')?.message ?? '';
  const claim = claimText(pod, words) || resourceClaimText(pod, facts);
  if (claim !== '') return claim;
  if (!isJudged(pod) && pod.status?.nominatedNodeName) return t.scheduling.chosen;
  if (nodes?.length === 0) return t.scheduling.noNodes;
  const volumes = volumesOf(pod, facts);
  const own = nodes?.find((each) => each.metadata.name === nodeOfDaemon(pod));
  const looked = own ? [own] : nodes ?? [];
  const obstacles = looked.map((each) => obstacleOn(pod, each, loads, volumes));
  if (nodes && obstacles.every((each) => each.text !== '')) {
    return surveyText(groupsOf(obstacles), looked.length, own?.metadata.name ?? '');
  }
  if (!isJudged(pod)) return silentText(pod);
  const rule = kRules.find(([part]) => words.includes(part));
  return rule ? rule[1] : t.scheduling.unfound(reasonsIn(words));
}
