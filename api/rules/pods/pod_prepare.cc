#include "api/rules/pods/pod_prepare.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "api/rules/pods/app_armor.h"
#include "api/rules/pods/pod_resources.h"
#include "api/select/by_name.h"

namespace skiff {
namespace {

using namespace core_v1;
using Labels = std::map<std::string, std::string>;

// Of a label; the pod is refused for a longer one. It is copied for each time that a key is named,
// and nothing has been looked at yet: a megabyte may be named a hundred thousand times.
constexpr size_t kMatchedValueBytesMax = 63;
// What is selected beside what a pod says, each of which takes 41 bytes of JSON at least: with all
// of these it is larger than the store takes it. Four bytes name a key once more.
constexpr size_t kMatchedKeysMax = 40'000;

// Selects, beside what the selector says, the pod's own value of each key (or all but that one).
void SelectOwnValues(Box<meta_v1::LabelSelector>& selector, const std::vector<std::string>& keys,
                     const char* operation, const Labels& labels, size_t& room) {
  if (!selector) return;
  for (const auto& key : keys) {
    if (room == 0) return;
    const auto label = labels.find(key);
    if (label == labels.end() || label->second.size() > kMatchedValueBytesMax) continue;
    --room;
    auto& requirement = selector->match_expressions.emplace_back();
    requirement.key = key;
    requirement.operator_ = operation;
    requirement.values = {label->second};
  }
}

template <typename PodTerms>
void SelectOwnValues(Box<PodTerms>& affinity, const Labels& labels, size_t& room) {
  if (!affinity) return;
  const auto extend = [&](PodAffinityTerm& term) {
    SelectOwnValues(term.label_selector, term.match_label_keys, "In", labels, room);
    SelectOwnValues(term.label_selector, term.mismatch_label_keys, "NotIn", labels, room);
  };
  for (auto& term : affinity->required_during_scheduling_ignored_during_execution) extend(term);
  for (auto& weighted : affinity->preferred_during_scheduling_ignored_during_execution) {
    extend(weighted.pod_affinity_term);
  }
}

template <typename AnyContainer>
void CopyAppArmorProfiles(std::vector<AnyContainer>& containers, const Pod& pod) {
  // No two may have one name: of those that do the pod is refused, and the first alone gets it.
  std::set<std::string_view> names;
  for (auto& container : containers) {
    if (!names.insert(container.name).second) continue;
    const auto annotation = pod.metadata.annotations.find(AppArmorAnnotation(container.name));
    if (annotation == pod.metadata.annotations.end()) continue;
    const auto profile = AppArmorProfileFromAnnotation(annotation->second);
    if (!profile) continue;
    if (container.security_context && container.security_context->app_armor_profile) continue;
    const auto& of_pod = pod.spec.security_context;
    if (of_pod && of_pod->app_armor_profile && *of_pod->app_armor_profile == *profile) continue;
    container.security_context.Ensure().app_armor_profile = *profile;
  }
}

}  // namespace

void PreparePodCreate(Pod& pod) {
  pod.metadata.generation = 1;
  // The one thing that Kubernetes takes from a status that is sent.
  const std::string given_class = pod.status.qos_class;
  pod.status = {};
  pod.status.phase = "Pending";
  pod.status.qos_class = given_class.empty() ? ComputeQosClass(pod.spec) : given_class;
  if (!pod.spec.scheduling_gates.empty()) {
    auto& condition = pod.status.conditions.emplace_back();
    condition.type = "PodScheduled";
    condition.status = "False";
    condition.reason = "SchedulingGated";
    condition.message = "Scheduling is blocked due to non-empty scheduling gates";
  }
  const Labels& labels = pod.metadata.labels;
  size_t room = kMatchedKeysMax;
  if (pod.spec.affinity) {
    SelectOwnValues(pod.spec.affinity->pod_affinity, labels, room);
    SelectOwnValues(pod.spec.affinity->pod_anti_affinity, labels, room);
  }
  for (auto& constraint : pod.spec.topology_spread_constraints) {
    SelectOwnValues(constraint.label_selector, constraint.match_label_keys, "In", labels, room);
  }
  if (!pod.spec.os || pod.spec.os->name != "windows") {
    CopyAppArmorProfiles(pod.spec.init_containers, pod);
    CopyAppArmorProfiles(pod.spec.containers, pod);
    CopyAppArmorProfiles(pod.spec.ephemeral_containers, pod);
  }
}

void StampPod(Pod& pod, const Pod* old, TimePoint now) {
  if (old != nullptr) return;
  for (auto& condition : pod.status.conditions) condition.last_transition_time = Time(now);
}

namespace {

// The health of devices is an alpha feature, off in v1.35: kept where it is, never added.
void DropDeviceHealth(PodStatus& status, const PodStatus& old) {
  const auto lists = [](auto& of) {
    return std::array{&of.container_statuses, &of.init_container_statuses,
                      &of.ephemeral_container_statuses};
  };
  for (const auto* list : lists(old)) {
    for (const auto& container : *list) {
      if (!container.allocated_resources_status.empty()) return;
    }
  }
  for (auto* list : lists(status)) {
    for (auto& container : *list) container.allocated_resources_status.clear();
  }
}

// The same of what resources a pod as a whole was allotted, and of claims for extended resources.
void DropAlphaFields(PodStatus& status, const PodStatus& old) {
  if (!old.resources && old.allocated_resources.empty()) {
    status.resources.reset();
    status.allocated_resources.clear();
  }
  if (!old.extended_resource_claim_status) {
    status.extended_resource_claim_status.reset();
  }
}

}  // namespace

void PreparePodStatusUpdate(Pod& pod, const Pod& old) {
  DropDeviceHealth(pod.status, old.status);
  DropAlphaFields(pod.status, old.status);
  pod.spec = old.spec;
  pod.metadata.generation = old.metadata.generation;
  pod.metadata.deletion_timestamp.reset();
  pod.metadata.owner_references = old.metadata.owner_references;
  if (pod.status.qos_class.empty()) pod.status.qos_class = old.status.qos_class;
  if (pod.status.observed_generation == 0) {
    pod.status.observed_generation = old.status.observed_generation;
  }
  const ByName before(old.status.conditions, &PodCondition::type);
  for (auto& condition : pod.status.conditions) {
    if (condition.observed_generation != 0) continue;
    const PodCondition* same = before.Find(condition.type);
    if (same != nullptr) condition.observed_generation = same->observed_generation;
  }
}

}  // namespace skiff
