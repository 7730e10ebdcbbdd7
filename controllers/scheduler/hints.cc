// The table of hints, a function a rule. Against kube-scheduler v1.35 it says yes besides:
// - InterPodAffinity, where a pod goes or changes that refused this one by its own anti-affinity,
//   or that one of several terms of this one's names;
// - NodeAffinity, where a node comes to match what the profile enforces;
// - VolumeRestrictions and NodeVolumeLimits of claims that are made for ephemeral volumes;
// - VolumeRestrictions, where a pod of another namespace had the disk;
// - NodeVolumeLimits, where a volume of a driver leaves a node that has nothing to do with those
//   that the pod names without a claim.
#include "controllers/scheduler/hints.h"

#include <algorithm>
#include <map>

#include "api/pods/migrated_volumes.h"
#include "controllers/scheduler/devices/pod_devices.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/rules/shared_disks.h"
#include "controllers/scheduler/rules/topology_spread.h"
#include "controllers/scheduler/volume_claims.h"

namespace skiff::scheduler {
namespace {

using enum ClusterEvent;

struct Question {
  const PodInfo& pod;
  ClusterEvent event;
  const Change& change;
  const Snapshot& view;
};
using Hint = bool (*)(const Question& of);

// A rule that looks at the node alone, and refused it before.
template <Prepared (*prepare)(const PodInfo& pod, const Snapshot& view)>
bool NodeComesToFit(const Question& of) {
  const auto& [before, now] = of.change.node;
  if (!now) return false;
  const Prepared prepared = prepare(of.pod, of.view);
  if (!prepared.rejection.fits()) return false;
  const auto fits = [&](const NodeInfo& node) {
    if (prepared.among && !prepared.among(node).fits()) return false;
    return !prepared.filter || prepared.filter(node).fits();
  };
  return fits(*now) && (!before || !fits(*before));
}

bool OnlyNewNodes(const Question& of) {
  return of.event == kNodeAdded;
}

bool PortsComeFree(const Question& of) {
  if (of.event != kPodDeleted) return of.event == kNodeAdded;
  const auto& gone = of.change.pod.before;
  return gone && std::ranges::any_of(gone->host_ports, [&](const PodHostPort& freed) {
           return std::ranges::any_of(of.pod.host_ports, [&](const PodHostPort& wanted) {
             return Conflict(wanted, freed);
           });
         });
}

int64_t ScalarOf(const Resources& resources, const std::string& name) {
  const auto found = resources.scalar.find(name);
  return found == resources.scalar.end() ? 0 : found->second;
}

// Whether `after` is more than `before` of something that is wanted.
bool HasMoreOf(const Resources& wanted, const Resources& before, const Resources& after) {
  const auto grows = [](int64_t is_wanted, int64_t from, int64_t to) {
    return is_wanted != 0 && to > from;
  };
  return grows(wanted.milli_cpu, before.milli_cpu, after.milli_cpu) ||
         grows(wanted.memory, before.memory, after.memory) ||
         grows(wanted.ephemeral_storage, before.ephemeral_storage, after.ephemeral_storage) ||
         std::ranges::any_of(wanted.scalar, [&](const auto& each) {
           return grows(each.second, ScalarOf(before, each.first), ScalarOf(after, each.first));
         });
}

bool RoomComesFree(const Question& of) {
  if (of.event == kPodDeleted) return true;
  if (of.event == kPodShrunk) {
    const auto& [before, now] = of.change.pod;
    return !before || !now || HasMoreOf(of.pod.requests, now->requests, before->requests);
  }
  const auto& [before, now] = of.change.node;
  if (!now) return false;
  // Without pods on it: what does not fit an empty node waits for another.
  const Prepared prepared = PrepareNodeResourcesFit(of.pod, of.view);
  if (prepared.filter && !prepared.filter(*now).fits()) return false;
  return !before || now->pods_max > before->pods_max ||
         HasMoreOf(of.pod.requests, before->allocatable, now->allocatable);
}

bool Mounts(const core_v1::Pod& pod, const core_v1::PersistentVolumeClaim& claim) {
  if (claim.metadata.namespace_ != pod.metadata.namespace_) return false;
  const auto names = ClaimNames(pod);
  return std::ranges::find(names, claim.metadata.name) != names.end();
}

bool IsAskedFor(const Question& of) {
  const auto& now = of.change.claim.now;
  return now && Mounts(*of.pod.pod, *now);
}

bool IsNewAndAskedFor(const Question& of) {
  return !of.change.claim.before && IsAskedFor(of);
}

bool SharesClaim(const core_v1::Pod& a, const core_v1::Pod& b) {
  if (a.metadata.namespace_ != b.metadata.namespace_) return false;
  const auto own = ClaimNames(a), others = ClaimNames(b);
  return std::ranges::any_of(own, [&](const std::string& name) {
    return std::ranges::find(others, name) != others.end();
  });
}

bool VolumeIsLetGo(const Question& of) {
  if (of.event == kClaim) return IsNewAndAskedFor(of);
  if (of.event != kPodDeleted) return of.event == kNodeAdded;
  const auto& gone = of.change.pod.before;
  return gone && (SharesClaim(*of.pod.pod, *gone->pod) || ShareDisk(*of.pod.pod, *gone->pod));
}

// Whether there may be a CSI driver that the pod has volumes of.
bool MayUseDrivers(const core_v1::Pod& pod) {
  return !ClaimNames(pod).empty() ||
         std::ranges::any_of(pod.spec.volumes, [](const core_v1::Volume& volume) {
           return !MigratedPluginOf(volume).empty();
         });
}

bool VolumesComeFree(const Question& of) {
  if (of.event == kClaim) return IsNewAndAskedFor(of);
  if (of.event == kAttachmentDeleted) return MayUseDrivers(*of.pod.pod);
  if (of.event != kPodDeleted) return of.event == kNodeAdded || of.event == kVolumeLimit;
  const auto& gone = of.change.pod.before;
  return gone && MayUseDrivers(*gone->pod);
}

bool ClaimsCanBeMet(const Question& of) {
  if (of.event == kClaim) return IsAskedFor(of);
  if (of.event == kVolume) return of.change.volume.now != nullptr;
  if (of.event != kStorageClass) return of.event != kNodeTaints;
  const auto& [before, now] = of.change.storage_class;
  return now && (!before || before->allowed_topologies != now->allowed_topologies);
}

using Labels = std::map<std::string, std::string>;

std::string LabelOf(const Labels& labels, std::string_view key) {
  const auto found = labels.find(std::string(key));
  return found == labels.end() ? "" : found->second;
}

bool VolumesAreElsewhere(const Question& of) {
  if (of.event == kClaim) return IsAskedFor(of);
  if (of.event == kStorageClass) {
    const auto& [before, now] = of.change.storage_class;
    return now && !before && now->volume_binding_mode == "WaitForFirstConsumer";
  }
  if (of.event != kVolume) return of.event != kNodeTaints;
  const auto& [before, now] = of.change.volume;
  if (!now || !before) return now != nullptr;
  constexpr std::string_view kPlaces[] = {
      "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
      "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"};
  return std::ranges::any_of(kPlaces, [&](std::string_view place) {
    return LabelOf(before->metadata.labels, place) != LabelOf(now->metadata.labels, place);
  });
}

bool HasKeys(const std::vector<HardSpread>& spreads, const NodeInfo& node) {
  return std::ranges::all_of(
      spreads, [&](const HardSpread& each) { return node.labels().contains(each.key); });
}

bool DomainsChange(const std::vector<HardSpread>& spreads, const Change& change) {
  const auto& [before, now] = change.node;
  const bool had = before && HasKeys(spreads, *before), has = now && HasKeys(spreads, *now);
  if (!before || !now || had != has) return had || has;
  return has && (before->node->spec.taints != now->node->spec.taints ||
                 std::ranges::any_of(spreads, [&](const HardSpread& each) {
                   return LabelOf(before->labels(), each.key) != LabelOf(now->labels(), each.key);
                 }));
}

// Whether the pods that count are others: one more, one less, one that counts as it did not.
bool CountsChange(const std::vector<HardSpread>& spreads, const PodInfo& of,
                  const BeforeAndNow<PodInfo>& change) {
  return std::ranges::any_of(spreads, [&](const HardSpread& each) {
    const auto counts = [&](const std::shared_ptr<const PodInfo>& pod) {
      return pod && pod->pod->metadata.namespace_ == of.pod->metadata.namespace_ &&
             each.selector.Matches(pod->pod->metadata.labels);
    };
    return counts(change.before) != counts(change.now);
  });
}

bool SpreadChanges(const Question& of) {
  const auto spreads = HardSpreadsOf(of.pod, of.view);
  if (of.change.node.before || of.change.node.now) return DomainsChange(spreads, of.change);
  return CountsChange(spreads, of.pod, of.change.pod);
}

bool MatchesAll(const std::vector<AffinityTerm>& terms, const core_v1::Pod& pod,
                const NamespaceLabels& labels) {
  return !terms.empty() && std::ranges::all_of(terms, [&](const AffinityTerm& term) {
    return term.Matches(pod, labels);
  });
}

bool MatchesAny(const std::vector<AffinityTerm>& terms, const core_v1::Pod& pod,
                const NamespaceLabels& labels) {
  return std::ranges::any_of(terms,
                             [&](const AffinityTerm& term) { return term.Matches(pod, labels); });
}

bool NeighboursChange(const Question& of) {
  const auto& labels = of.view.namespace_labels;
  const auto& [before, now] = of.change.pod;
  const auto wanted = [&](const auto& pod) {
    return pod && MatchesAll(of.pod.affinity.required, *pod->pod, labels);
  };
  // This one will not be beside the other, or the other way about.
  const auto refused = [&](const auto& pod) {
    return pod && (MatchesAny(of.pod.affinity.required_anti, *pod->pod, labels) ||
                   MatchesAny(pod->affinity.required_anti, *of.pod.pod, labels));
  };
  return (wanted(now) && !wanted(before)) || (refused(before) && !refused(now));
}

bool PlacesChange(const Question& of) {
  const auto& [before, now] = of.change.node;
  if (!now) return false;
  const auto differs = [&](const AffinityTerm& term) {
    return LabelOf(before->labels(), term.key) != LabelOf(now->labels(), term.key);
  };
  const auto& near = of.pod.affinity.required;
  const auto& far = of.pod.affinity.required_anti;
  // Who is refused by others, too, may find a new node free of them.
  if (!before) {
    return near.empty() || std::ranges::any_of(near, [&](const AffinityTerm& term) {
             return now->labels().contains(term.key);
           });
  }
  if (near.empty() && far.empty()) return before->labels() != now->labels();
  return std::ranges::any_of(
             near,
             [&](const auto& term) { return now->labels().contains(term.key) && differs(term); }) ||
         std::ranges::any_of(far, [&](const auto& term) {
           return before->labels().contains(term.key) && differs(term);
         });
}

bool AffinityChanges(const Question& of) {
  switch (of.event) {
    case kPodAdded:
    case kPodDeleted:
      return NeighboursChange(of);
    case kNodeAdded:
    case kNodeLabels:
      return PlacesChange(of);
    default:
      return of.event == kNamespace;
  }
}

// What else there is may have any device.
bool DevicesComeFree(const Question& of) {
  if (of.event != kDeviceClaim) return true;
  const auto& [before, now] = of.change.device_claim;
  return now && MayFitAfter(before.get(), *now, *of.pod.pod, of.view.device_claim);
}

const std::map<std::string_view, Hint>& Hints() {
  static const std::map<std::string_view, Hint> kHints = {
      {"NodeUnschedulable", NodeComesToFit<PrepareNodeUnschedulable>},
      {"NodeName", OnlyNewNodes},
      {"TaintToleration", NodeComesToFit<PrepareTaintToleration>},
      {"NodeAffinity", NodeComesToFit<PrepareNodeAffinity>},
      {"NodePorts", PortsComeFree},
      {"NodeResourcesFit", RoomComesFree},
      {"VolumeRestrictions", VolumeIsLetGo},
      {"NodeVolumeLimits", VolumesComeFree},
      {"VolumeBinding", ClaimsCanBeMet},
      {"VolumeZone", VolumesAreElsewhere},
      {"PodTopologySpread", SpreadChanges},
      {"InterPodAffinity", AffinityChanges},
      {"DynamicResources", DevicesComeFree},
  };
  return kHints;
}

}  // namespace

bool MayHelp(std::string_view rule, const PodInfo& pod, ClusterEvent event, const Change& change,
             const Snapshot& view) {
  const auto found = Hints().find(rule);
  return found == Hints().end() || found->second({pod, event, change, view});
}

bool AsksForLess(const PodInfo& before, const PodInfo& now) {
  return HasMoreOf(before.requests, now.requests, before.requests);
}

bool MayHelpItself(std::string_view rule, const PodInfo& before, const PodInfo& now,
                   const Snapshot& view) {
  if (!Hints().contains(rule)) return true;
  const bool has_other_labels = before.pod->metadata.labels != now.pod->metadata.labels;
  const bool tolerates_more = before.pod->spec.tolerations != now.pod->spec.tolerations;
  if (rule == "TaintToleration") return tolerates_more;
  if (rule == "NodeUnschedulable") {
    return tolerates_more && !PrepareNodeUnschedulable(now, view).filter;
  }
  if (rule == "NodeResourcesFit") return AsksForLess(before, now);
  if (rule == "InterPodAffinity") return has_other_labels;
  if (rule == "DynamicResources") {
    return before.pod->status.resource_claim_statuses != now.pod->status.resource_claim_statuses;
  }
  if (rule != "PodTopologySpread") return false;
  const auto spreads = HardSpreadsOf(now, view);
  const auto same = [](const PodInfo& pod) {
    return std::shared_ptr<const PodInfo>(std::shared_ptr<const PodInfo>(), &pod);
  };
  return CountsChange(spreads, now, {same(before), same(now)}) ||
         (tolerates_more && std::ranges::any_of(spreads, &HardSpread::honor_taints));
}

}  // namespace skiff::scheduler
