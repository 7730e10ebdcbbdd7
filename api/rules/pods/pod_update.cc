// What an update of a pod may change.
#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "api/rules/checks.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/pod_validation.h"
#include "api/select/by_name.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr const char* kUpdatable =
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
    "negative)\n";

// False: the rest cannot be compared.
bool ValidateContainerImages(const std::vector<Container>& containers,
                             const std::vector<Container>& old, const FieldPath& path,
                             Violations& out) {
  if (containers.size() != old.size()) {
    out.Forbidden(path, "pod updates may not add or remove containers");
    return false;
  }
  for (size_t i = 0; i < containers.size(); ++i) {
    Require(containers[i].image, path.Index(i).Child("image"), out);
    ValidateImagePadding(containers[i].image, path.Index(i), out);
  }
  return true;
}

// False: nothing more is looked at.
bool ValidateDeadline(const PodSpec& spec, const PodSpec& old, const FieldPath& path,
                      Violations& out) {
  const auto& now = spec.active_deadline_seconds;
  const auto& before = old.active_deadline_seconds;
  if (!now) {
    if (before) {
      out.Invalid(path, nullptr, "must not update from a positive integer to nil value");
    }
    return true;
  }
  if (*now < 0 || *now > INT32_MAX) {
    out.Invalid(path, *now, RangeMessage(0, INT32_MAX));
    return false;
  }
  if (before && *before < *now) {
    out.Invalid(path, *now, "must be less than or equal to previous value");
    return false;
  }
  return true;
}

// All of a toleration but how long it holds.
auto TolerationKey(const Toleration& toleration) {
  return std::tie(toleration.key, toleration.operator_, toleration.value, toleration.effect);
}

void ValidateAddedTolerations(const std::vector<Toleration>& tolerations,
                              const std::vector<Toleration>& old, const FieldPath& path,
                              Violations& out) {
  std::set<decltype(TolerationKey(std::declval<Toleration>()))> now;
  for (const Toleration& toleration : tolerations) now.insert(TolerationKey(toleration));
  for (const Toleration& kept : old) {
    if (now.contains(TolerationKey(kept))) continue;
    return out.Forbidden(path,
                         "existing toleration can not be modified except its tolerationSeconds");
  }
  ValidateTolerations(tolerations, path, out);
}

void ValidateRemovedGates(const std::vector<PodSchedulingGate>& gates,
                          const std::vector<PodSchedulingGate>& old, const FieldPath& path,
                          Violations& out) {
  const ByName before(old, &PodSchedulingGate::name);
  for (size_t i = 0; i < gates.size(); ++i) {
    if (before.Has(gates[i].name)) continue;
    out.Forbidden(
        path.Index(i).Child("name"),
        "only deletion is allowed, but found new scheduling gate '" + gates[i].name + "'");
  }
}

template <typename T>
bool BeginsWith(const std::vector<T>& list, const std::vector<T>& beginning) {
  return list.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), list.begin());
}

// An empty term selects nothing and stays so.
bool OnlyAdds(const NodeSelectorTerm& term, const NodeSelectorTerm& old) {
  if (old == NodeSelectorTerm()) return term == old;
  return BeginsWith(term.match_expressions, old.match_expressions) &&
         BeginsWith(term.match_fields, old.match_fields);
}

const NodeAffinity* FindNodeAffinity(const PodSpec& spec) {
  return spec.affinity && spec.affinity->node_affinity ? &*spec.affinity->node_affinity : nullptr;
}

const std::vector<NodeSelectorTerm>& RequiredTerms(const NodeAffinity* affinity) {
  static const std::vector<NodeSelectorTerm> kNone;
  if (!affinity || !affinity->required_during_scheduling_ignored_during_execution) return kNone;
  return affinity->required_during_scheduling_ignored_during_execution->node_selector_terms;
}

void ValidateNarrowedAffinity(const PodSpec& spec, const PodSpec& old, const FieldPath& path,
                              Violations& out) {
  const auto& before = RequiredTerms(FindNodeAffinity(old));
  const auto& now = RequiredTerms(FindNodeAffinity(spec));
  if (before.empty()) return;
  const FieldPath at = path.Child("affinity")
                           .Child("nodeAffinity")
                           .Child("requiredDuringSchedulingIgnoredDuringExecution")
                           .Child("nodeSelectorTerms");
  if (now.size() != before.size()) {
    return out.Invalid(at, GoStruct(now),
                       "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
  }
  for (size_t i = 0; i < now.size(); ++i) {
    if (OnlyAdds(now[i], before[i])) continue;
    out.Invalid(at.Index(i), GoStruct(now[i]),
                "only additions are allowed (no mutations or deletions)");
  }
}

// Makes the node affinity the old one, whether or not there is other affinity.
void RestoreNodeAffinity(PodSpec& spec, const PodSpec& old) {
  const NodeAffinity* before = FindNodeAffinity(old);
  const NodeAffinity* now = FindNodeAffinity(spec);
  if ((!before && !now) || (before && now && *before == *now)) return;
  if (before) {
    spec.affinity.Ensure().node_affinity = *before;
    return;
  }
  spec.affinity->node_affinity.reset();
  if (!old.affinity && *spec.affinity == Affinity()) spec.affinity.reset();
}

// A pod that the scheduler does not look at yet may become choosier.
void ValidateGated(PodSpec& spec, const PodSpec& old, const FieldPath& path, Violations& out) {
  const bool kept = std::ranges::all_of(old.node_selector, [&](const auto& label) {
    const auto found = spec.node_selector.find(label.first);
    return found != spec.node_selector.end() && found->second == label.second;
  });
  if (!kept) {
    out.Invalid(path.Child("nodeSelector"), spec.node_selector,
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
  }
  spec.node_selector = old.node_selector;
  ValidateNarrowedAffinity(spec, old, path, out);
  RestoreNodeAffinity(spec, old);
}

// What may change, changed back: what differs then may not.
PodSpec WithoutAllowedChanges(const PodSpec& spec, const PodSpec& old) {
  PodSpec undone = spec;
  for (size_t i = 0; i < undone.containers.size(); ++i) {
    undone.containers[i].image = old.containers[i].image;
  }
  for (size_t i = 0; i < undone.init_containers.size(); ++i) {
    undone.init_containers[i].image = old.init_containers[i].image;
  }
  undone.active_deadline_seconds = old.active_deadline_seconds;
  undone.scheduling_gates = old.scheduling_gates;
  undone.tolerations = old.tolerations;
  const auto& grace = old.termination_grace_period_seconds;
  if (grace && *grace < 0 && undone.termination_grace_period_seconds == 1) {
    undone.termination_grace_period_seconds = grace;
  }
  return undone;
}

}  // namespace

void ValidatePodUpdate(const Pod& pod, const Pod& old, Violations& out) {
  const FieldPath path("spec");
  ValidatePodContent(pod, &old.spec, out);
  ValidatePodAnnotationUpdates(pod, old, out);
  if (!ValidateContainerImages(pod.spec.containers, old.spec.containers, path.Child("containers"),
                               out) ||
      !ValidateContainerImages(pod.spec.init_containers, old.spec.init_containers,
                               path.Child("initContainers"), out) ||
      !ValidateDeadline(pod.spec, old.spec, path.Child("activeDeadlineSeconds"), out)) {
    return;
  }
  ValidateAddedTolerations(pod.spec.tolerations, old.spec.tolerations, path.Child("tolerations"),
                           out);
  ValidateRemovedGates(pod.spec.scheduling_gates, old.spec.scheduling_gates,
                       path.Child("schedulingGates"), out);
  if (pod.spec == old.spec) return;
  PodSpec undone = WithoutAllowedChanges(pod.spec, old.spec);
  if (!old.spec.scheduling_gates.empty()) ValidateGated(undone, old.spec, path, out);
  if (undone == old.spec) return;
  out.Forbidden(path, kUpdatable + GoStructDiff(old.spec, undone));
}

}  // namespace skiff
