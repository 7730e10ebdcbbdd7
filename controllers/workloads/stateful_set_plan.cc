#include "controllers/workloads/stateful_set_plan.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "controllers/workloads/pod_control.h"

namespace skiff::stateful {
namespace {

using apps_v1::StatefulSet;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;

// The sums of ordinals need not fit into an int.
int64_t StartOf(const StatefulSet& set) {
  return set.spec.ordinals ? set.spec.ordinals->start : 0;
}

int ReplicasOf(const StatefulSet& set) {
  return set.spec.replicas.value_or(1);
}

// One past the last. A greater ordinal than an int holds is no member's: OrdinalOf.
int64_t EndOf(const StatefulSet& set) {
  return std::min(StartOf(set) + ReplicasOf(set), int64_t{std::numeric_limits<int>::max()} + 1);
}

bool IsRolling(const StatefulSet& set) {
  return set.spec.update_strategy.type != "OnDelete";
}

bool IsRunningAndReady(const Pod& pod) {
  return pod.status.phase == "Running" && IsReady(pod);
}

bool IsAvailable(const Pod& pod, const Input& input) {
  return IsRunningAndReady(pod) &&
         UntilAvailable(pod, input.set.spec.min_ready_seconds, input.now) == Duration(0);
}

// Not of use, or not for long.
bool IsUnavailable(const Pod& pod, const Input& input) {
  return pod.metadata.deletion_timestamp || !IsAvailable(pod, input);
}

// One pass over the members.
class Planner {
 public:
  explicit Planner(const Input& input)
      : input_(input), monotonic_(input.set.spec.pod_management_policy != "Parallel") {
    for (const auto& pod : input.pods) {
      const auto ordinal = OrdinalOf(input.set, pod->metadata.name);
      if (!ordinal) continue;
      (IsWanted(input.set, *ordinal) ? replicas_ : condemned_)[*ordinal] = pod;
    }
  }

  Plan Make() {
    if (Fill() && Shrink() && IsRolling(input_.set)) {
      if (input_.uses_max_unavailable) {
        UpdateSeveral();
      } else {
        Update();
      }
    }
    return std::move(plan_);
  }

 private:
  // Each of these says whether the pass goes on.
  bool Fill() {
    bool goes_on = true;
    const int64_t end = EndOf(input_.set);
    for (int64_t at = StartOf(input_.set); at < end; ++at) {
      const int ordinal = static_cast<int>(at);
      auto found = replicas_.find(ordinal);
      if (found == replicas_.end() && plan_.create.size() >= kCreatesMax) {
        // Those that are there are looked after all the same.
        found = replicas_.upper_bound(ordinal);
        if (found == replicas_.end()) break;
        at = found->first;
      }
      if (found == replicas_.end()) {
        plan_.create.push_back(ordinal);
        goes_on = false;
      } else if (!Keep(found->second)) {
        goes_on = false;
      }
      if (!goes_on && monotonic_) return false;
    }
    return goes_on || !monotonic_;
  }

  bool Keep(const Ptr<Pod>& pod) {
    const bool leaves = pod->metadata.deletion_timestamp.has_value();
    if (IsTerminal(*pod)) {
      if (!leaves) plan_.remove.push_back(pod);
      return false;
    }
    if (pod->status.phase == "Pending" && !leaves) plan_.check_claims.push_back(pod);
    if (monotonic_ && (leaves || !IsAvailable(*pod, input_))) return false;
    plan_.keep.push_back(pod);
    return true;
  }

  bool Shrink() {
    const Ptr<Pod> first_unavailable = FirstUnavailable();
    for (auto entry = condemned_.rbegin(); entry != condemned_.rend(); ++entry) {
      const Ptr<Pod>& pod = entry->second;
      if (pod->metadata.deletion_timestamp) {
        if (monotonic_) return false;
        continue;
      }
      if (monotonic_ && !IsAvailable(*pod, input_) && pod != first_unavailable) return false;
      plan_.remove.push_back(pod);
      if (monotonic_) return false;
    }
    return true;
  }

  void Update() {
    const auto& rolling = input_.set.spec.update_strategy.rolling_update;
    const int partition = rolling ? rolling->partition.value_or(0) : 0;
    for (int64_t at = EndOf(input_.set); at-- > StartOf(input_.set) + partition;) {
      const auto found = replicas_.find(static_cast<int>(at));
      // It is being made, or made anew.
      if (found == replicas_.end() || IsTerminal(*found->second)) return;
      const Ptr<Pod>& pod = found->second;
      const bool leaves = pod->metadata.deletion_timestamp.has_value();
      if (RevisionOf(*pod) != input_.update_revision && !leaves) {
        plan_.remove.push_back(pod);
        return;
      }
      if (IsUnavailable(*pod, input_)) return;
    }
  }

  // Those with the highest ordinals, as long as no more are unavailable than may be.
  void UpdateSeveral() {
    const auto& rolling = input_.set.spec.update_strategy.rolling_update;
    const int partition = rolling ? rolling->partition.value_or(0) : 0;
    int64_t left = UnavailableMax() - Missing();
    for (const auto& [ordinal, pod] : replicas_) left -= IsUnavailable(*pod, input_) ? 1 : 0;
    for (auto entry = replicas_.rbegin(); left > 0 && entry != replicas_.rend(); ++entry) {
      const Ptr<Pod>& pod = entry->second;
      if (entry->first < StartOf(input_.set) + partition) return;
      if (RevisionOf(*pod) == input_.update_revision || pod->metadata.deletion_timestamp) continue;
      plan_.remove.push_back(pod);
      --left;
    }
  }

  // How many are to be made still.
  int64_t Missing() const {
    return EndOf(input_.set) - StartOf(input_.set) - static_cast<int64_t>(replicas_.size());
  }

  // At least one: a small share is rounded down. 0 where it cannot be read: nothing is updated.
  int UnavailableMax() const {
    const auto& rolling = input_.set.spec.update_strategy.rolling_update;
    if (!rolling || !rolling->max_unavailable) return 1;
    const auto most =
        rolling->max_unavailable->ScaledTo(ReplicasOf(input_.set), /*round_up=*/false);
    return most ? std::max(*most, 1) : 0;
  }

  Ptr<Pod> FirstUnavailable() const {
    for (const auto* pods : {&replicas_, &condemned_}) {
      for (const auto& [ordinal, pod] : *pods) {
        if (IsUnavailable(*pod, input_)) return pod;
      }
    }
    return nullptr;
  }

  const Input& input_;
  const bool monotonic_;
  std::map<int, Ptr<Pod>> replicas_;
  std::map<int, Ptr<Pod>> condemned_;
  Plan plan_;
};

}  // namespace

std::optional<int> OrdinalOf(const StatefulSet& set, const std::string& pod_name) {
  const std::string prefix = set.metadata.name + "-";
  if (!pod_name.starts_with(prefix)) return std::nullopt;
  const std::string text = pod_name.substr(prefix.size());
  int ordinal = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ordinal);
  if (error != std::errc() || std::to_string(ordinal) != text || ordinal < 0) return std::nullopt;
  return ordinal;
}

std::string NameOf(const StatefulSet& set, int ordinal) {
  return set.metadata.name + "-" + std::to_string(ordinal);
}

bool IsWanted(const StatefulSet& set, int ordinal) {
  return ordinal >= StartOf(set) && ordinal < EndOf(set);
}

bool NamesClaim(const StatefulSet& set, const std::string& claim_name) {
  const auto& templates = set.spec.volume_claim_templates;
  return std::any_of(templates.begin(), templates.end(), [&](const auto& claim_template) {
    const std::string prefix = claim_template.metadata.name + "-";
    return claim_name.starts_with(prefix) &&
           OrdinalOf(set, claim_name.substr(prefix.size())).has_value();
  });
}

std::string RevisionOf(const Pod& pod) {
  const auto label = pod.metadata.labels.find(std::string(kRevisionLabel));
  return label == pod.metadata.labels.end() ? "" : label->second;
}

Plan PlanOf(const Input& input) {
  return Planner(input).Make();
}

apps_v1::StatefulSetStatus StatusOf(const Input& input) {
  apps_v1::StatefulSetStatus status = input.set.status;
  status.observed_generation = input.set.metadata.generation;
  status.collision_count = status.collision_count.value_or(0);
  status.replicas = status.ready_replicas = status.available_replicas = 0;
  status.current_replicas = status.updated_replicas = 0;
  status.current_revision = input.current_revision;
  status.update_revision = input.update_revision;
  for (const auto& pod : input.pods) {
    if (!OrdinalOf(input.set, pod->metadata.name)) continue;
    ++status.replicas;
    if (IsRunningAndReady(*pod)) ++status.ready_replicas;
    if (IsAvailable(*pod, input)) ++status.available_replicas;
    if (pod->metadata.deletion_timestamp) continue;
    if (RevisionOf(*pod) == input.current_revision) ++status.current_replicas;
    if (RevisionOf(*pod) == input.update_revision) ++status.updated_replicas;
  }
  const int replicas = ReplicasOf(input.set);
  if (IsRolling(input.set) && status.updated_replicas == replicas &&
      status.ready_replicas == replicas && status.replicas == replicas) {
    status.current_replicas = status.updated_replicas;
    status.current_revision = input.update_revision;
  }
  return status;
}

bool IsMadeOfCurrent(const StatefulSet& set, int ordinal) {
  if (!IsRolling(set)) return false;
  const auto& rolling = set.spec.update_strategy.rolling_update;
  const int current = rolling ? rolling->partition.value_or(0) : set.status.current_replicas;
  return ordinal < StartOf(set) + current;
}

bool HasIdentity(const StatefulSet& set, const Pod& pod) {
  const auto label = pod.metadata.labels.find(std::string(kPodNameLabel));
  return label != pod.metadata.labels.end() && label->second == pod.metadata.name &&
         pod.metadata.labels.contains(std::string(kPodIndexLabel)) &&
         pod.metadata.namespace_ == set.metadata.namespace_;
}

void SetIdentity(const StatefulSet& set, int ordinal, Pod& pod) {
  pod.metadata.name = NameOf(set, ordinal);
  pod.metadata.namespace_ = set.metadata.namespace_;
  pod.metadata.labels[std::string(kPodNameLabel)] = pod.metadata.name;
  pod.metadata.labels[std::string(kPodIndexLabel)] = std::to_string(ordinal);
}

Pod NewPod(const StatefulSet& set, const core_v1::PodTemplateSpec& pod_template,
           const std::string& revision, int ordinal) {
  Pod pod = PodFromTemplate(pod_template, StatefulSet::Info(), set.metadata);
  SetIdentity(set, ordinal, pod);
  pod.metadata.labels[std::string(kRevisionLabel)] = revision;
  pod.spec.hostname = pod.metadata.name;
  pod.spec.subdomain = set.spec.service_name;
  std::vector<core_v1::Volume> volumes;
  for (const auto& claim_template : set.spec.volume_claim_templates) {
    const std::string& name = claim_template.metadata.name;
    core_v1::Volume& volume = volumes.emplace_back();
    volume.name = name;
    volume.persistent_volume_claim.Ensure().claim_name = name + "-" + pod.metadata.name;
    std::erase_if(pod.spec.volumes, [&](const auto& other) { return other.name == name; });
  }
  pod.spec.volumes.insert(pod.spec.volumes.begin(), volumes.begin(), volumes.end());
  return pod;
}

std::vector<PersistentVolumeClaim> ClaimsOf(const StatefulSet& set, int ordinal) {
  std::vector<PersistentVolumeClaim> claims;
  for (const auto& claim_template : set.spec.volume_claim_templates) {
    PersistentVolumeClaim& claim = claims.emplace_back(claim_template);
    claim.metadata.name = claim_template.metadata.name + "-" + NameOf(set, ordinal);
    claim.metadata.namespace_ = set.metadata.namespace_;
    claim.status = {};
    if (!set.spec.selector) continue;
    for (const auto& [key, value] : set.spec.selector->match_labels) {
      claim.metadata.labels[key] = value;
    }
  }
  return claims;
}

}  // namespace skiff::stateful
