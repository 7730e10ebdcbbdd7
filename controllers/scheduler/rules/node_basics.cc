// The rules that look at one field of a node: schedulable at all, its name, its taints, its ports.
#include <algorithm>

#include "api/select/tolerations.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

bool KeepsPodsOff(const core_v1::Taint& taint) {
  return taint.effect == "NoSchedule" || taint.effect == "NoExecute";
}

bool PrefersNone(const core_v1::Taint& taint) {
  return taint.effect == "PreferNoSchedule";
}

bool ConflictsWithAny(const PodHostPort& wanted, const std::multiset<PodHostPort>& used) {
  return std::any_of(used.begin(), used.end(),
                     [&](const PodHostPort& port) { return Conflict(wanted, port); });
}

}  // namespace

Prepared PrepareNodeUnschedulable(const PodInfo& pod, const Snapshot& snapshot) {
  if (snapshot.repellents != nullptr && snapshot.repellents->unschedulable == 0) {
    return Prepared::Pass();
  }
  core_v1::Taint cordon;
  cordon.key = "node.kubernetes.io/unschedulable";
  cordon.effect = "NoSchedule";
  if (AnyTolerates(pod.pod->spec.tolerations, cordon)) return Prepared::Pass();
  return Prepared::Each([](const NodeInfo& node) {
    if (!node.unschedulable) return Verdict::Fits();
    return Verdict::Unresolvable("node(s) were unschedulable");
  });
}

Prepared PrepareNodeName(const PodInfo& pod, const Snapshot&) {
  if (pod.pod->spec.node_name.empty()) return Prepared::Pass();
  return Prepared::Each([&pod](const NodeInfo& node) {
    if (pod.pod->spec.node_name == node.name()) return Verdict::Fits();
    return Verdict::Unresolvable("node(s) didn't match the requested node name");
  });
}

Prepared PrepareTaintToleration(const PodInfo& pod, const Snapshot& snapshot) {
  if (snapshot.repellents != nullptr && snapshot.repellents->tainted == 0) return Prepared::Pass();
  return Prepared::Each([&pod](const NodeInfo& node) {
    if (!node.has_taints) return Verdict::Fits();
    for (const auto& taint : node.node->spec.taints) {
      if (KeepsPodsOff(taint) && !AnyTolerates(pod.pod->spec.tolerations, taint)) {
        return Verdict::Unresolvable("node(s) had untolerated taint(s)");
      }
    }
    return Verdict::Fits();
  });
}

PreparedScore ScoreTaintToleration(const PodInfo& pod, const Snapshot& snapshot,
                                   Feasible feasible) {
  if (snapshot.repellents != nullptr && snapshot.repellents->tainted == 0) return {};
  const bool matters = std::any_of(feasible.begin(), feasible.end(), [](const NodeInfo* node) {
    if (!node->has_taints) return false;
    const auto& taints = node->node->spec.taints;
    return std::any_of(taints.begin(), taints.end(), PrefersNone);
  });
  if (!matters) return {};
  std::vector<core_v1::Toleration> tolerations;
  for (const auto& toleration : pod.pod->spec.tolerations) {
    if (toleration.effect.empty() || toleration.effect == "PreferNoSchedule") {
      tolerations.push_back(toleration);
    }
  }
  return {[tolerations](const NodeInfo& node) {
            const auto& taints = node.node->spec.taints;
            return static_cast<int64_t>(
                std::count_if(taints.begin(), taints.end(), [&](const auto& taint) {
                  return PrefersNone(taint) && !AnyTolerates(tolerations, taint);
                }));
          },
          [](auto, std::span<int64_t> scores) { NormalizeByHighest(scores, true); }};
}

Prepared PrepareNodePorts(const PodInfo& pod, const Snapshot&) {
  if (pod.host_ports.empty()) return Prepared::Pass();
  return Prepared::Each([&pod](const NodeInfo& node) {
    for (const PodHostPort& wanted : pod.host_ports) {
      if (ConflictsWithAny(wanted, node.used_ports)) {
        return Verdict::Unschedulable("node(s) didn't have free ports for the requested pod ports");
      }
    }
    return Verdict::Fits();
  });
}

}  // namespace skiff::scheduler
