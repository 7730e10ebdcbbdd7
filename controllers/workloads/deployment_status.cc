#include "controllers/workloads/deployment_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/pods/conditions.h"
#include "base/seconds.h"

namespace skiff {
namespace {

using apps_v1::Deployment;
using apps_v1::DeploymentCondition;
using apps_v1::DeploymentStatus;

constexpr int32_t kNoDeadline = 2147483647;

void RemoveCondition(DeploymentStatus& status, std::string_view type) {
  std::erase_if(status.conditions, [&](const auto& it) { return it.type == type; });
}

std::string Subject(const Deployment& deployment, const rollout::Split& sets) {
  return sets.current ? fmt::format("ReplicaSet \"{}\"", sets.current->metadata.name)
                      : fmt::format("Deployment \"{}\"", deployment.metadata.name);
}

// Whether `now` is further than what was stored before.
bool Progressed(const DeploymentStatus& before, const DeploymentStatus& now) {
  const auto old_replicas = [](const DeploymentStatus& it) {
    return it.replicas - it.updated_replicas;
  };
  return now.updated_replicas > before.updated_replicas ||
         old_replicas(now) < old_replicas(before) || now.ready_replicas > before.ready_replicas ||
         now.available_replicas > before.available_replicas;
}

bool TimedOut(const Deployment& deployment, const DeploymentStatus& status, TimePoint now) {
  const DeploymentCondition* condition = FindCondition(status, "Progressing");
  if (!condition || condition->reason == "NewReplicaSetAvailable") return false;
  if (condition->reason == "ProgressDeadlineExceeded") return true;
  const Duration deadline = Seconds(*deployment.spec.progress_deadline_seconds);
  return Later(condition->last_update_time.point(), deadline) < now;
}

void Progress(const Deployment& deployment, const rollout::Split& sets, TimePoint now,
              DeploymentStatus& status) {
  const DeploymentCondition* present = FindCondition(deployment.status, "Progressing");
  const bool settled = status.replicas == status.updated_replicas && present &&
                       present->reason == "NewReplicaSetAvailable";
  if (settled) return;
  const std::string subject = Subject(deployment, sets);
  if (IsComplete(deployment, status)) {
    SetCondition(status, "Progressing", "True", "NewReplicaSetAvailable",
                 subject + " has successfully progressed.", now);
  } else if (Progressed(deployment.status, status)) {
    // Replaced even when nothing but the time of the update changes.
    const Time since =
        present && present->status == "True" ? present->last_transition_time : Time(now);
    RemoveCondition(status, "Progressing");
    SetCondition(status, "Progressing", "True", "ReplicaSetUpdated", subject + " is progressing.",
                 now);
    status.conditions.back().last_transition_time = since;
  } else if (TimedOut(deployment, status, now)) {
    SetCondition(status, "Progressing", "False", "ProgressDeadlineExceeded",
                 subject + " has timed out progressing.", now);
  }
}

void CopyFailure(const rollout::Split& sets, DeploymentStatus& status) {
  const auto failure_of = [](const apps_v1::ReplicaSet& set) -> const auto* {
    const auto found = std::find_if(set.status.conditions.begin(), set.status.conditions.end(),
                                    [](const auto& it) { return it.type == "ReplicaFailure"; });
    return found == set.status.conditions.end() ? nullptr : &*found;
  };
  const apps_v1::ReplicaSetCondition* failure = nullptr;
  if (sets.current) failure = failure_of(*sets.current);
  for (size_t i = 0; i < sets.old.size() && !failure; ++i) failure = failure_of(*sets.old[i]);
  const DeploymentCondition* present = FindCondition(status, "ReplicaFailure");
  if (failure && present && present->status == failure->status &&
      present->reason == failure->reason) {
    return;
  }
  RemoveCondition(status, "ReplicaFailure");
  if (!failure) return;
  DeploymentCondition& condition = status.conditions.emplace_back();
  condition.type = failure->type;
  condition.status = failure->status;
  condition.last_update_time = failure->last_transition_time;
  condition.last_transition_time = failure->last_transition_time;
  condition.reason = failure->reason;
  condition.message = failure->message;
}

}  // namespace

void SetCondition(DeploymentStatus& status, const std::string& type, const std::string& value,
                  const std::string& reason, const std::string& message, TimePoint now) {
  const DeploymentCondition* present = FindCondition(status, type);
  if (present && present->status == value && present->reason == reason) return;
  DeploymentCondition condition;
  condition.type = type;
  condition.status = value;
  condition.last_update_time = now;
  condition.last_transition_time =
      present && present->status == value ? present->last_transition_time : Time(now);
  condition.reason = reason;
  condition.message = message;
  RemoveCondition(status, type);
  status.conditions.push_back(std::move(condition));
}

const DeploymentCondition* FindCondition(const DeploymentStatus& status, std::string_view type) {
  return FindCondition(status.conditions, type);
}

bool HasDeadline(const Deployment& deployment) {
  return deployment.spec.progress_deadline_seconds.value_or(kNoDeadline) != kNoDeadline;
}

bool IsComplete(const Deployment& deployment, const DeploymentStatus& status) {
  const int wanted = rollout::ReplicasOf(deployment);
  return status.updated_replicas == wanted && status.replicas == wanted &&
         status.available_replicas == wanted &&
         status.observed_generation >= deployment.metadata.generation;
}

DeploymentStatus CountStatus(const Deployment& deployment, const rollout::Split& sets,
                             TimePoint now) {
  DeploymentStatus status;
  status.observed_generation = deployment.metadata.generation;
  status.collision_count = deployment.status.collision_count;
  status.conditions = deployment.status.conditions;
  status.terminating_replicas = 0;
  for (const auto& set : sets.all) {
    status.replicas += set->status.replicas;
    status.ready_replicas += set->status.ready_replicas;
    status.available_replicas += set->status.available_replicas;
    if (!set->status.terminating_replicas) {
      status.terminating_replicas.reset();
    } else if (status.terminating_replicas) {
      *status.terminating_replicas += *set->status.terminating_replicas;
    }
  }
  if (sets.current) status.updated_replicas = sets.current->status.replicas;
  status.unavailable_replicas =
      static_cast<int>(std::clamp<int64_t>(rollout::TotalSpec(sets.all) - status.available_replicas,
                                           0, std::numeric_limits<int32_t>::max()));
  const int minimum = rollout::ReplicasOf(deployment) - rollout::BoundsOf(deployment).unavailable;
  if (status.available_replicas >= minimum) {
    SetCondition(status, "Available", "True", "MinimumReplicasAvailable",
                 "Deployment has minimum availability.", now);
  } else {
    SetCondition(status, "Available", "False", "MinimumReplicasUnavailable",
                 "Deployment does not have minimum availability.", now);
  }
  return status;
}

DeploymentStatus RolloutStatus(const Deployment& deployment, const rollout::Split& sets,
                               TimePoint now) {
  DeploymentStatus status = CountStatus(deployment, sets, now);
  if (HasDeadline(deployment)) {
    Progress(deployment, sets, now, status);
  } else {
    RemoveCondition(status, "Progressing");
  }
  CopyFailure(sets, status);
  return status;
}

Duration UntilDeadline(const Deployment& deployment, const DeploymentStatus& status,
                       TimePoint now) {
  const DeploymentCondition* condition = FindCondition(status, "Progressing");
  if (!HasDeadline(deployment) || !condition || IsComplete(deployment, status) ||
      condition->reason == "NewReplicaSetAvailable" ||
      condition->reason == "ProgressDeadlineExceeded") {
    return kNever;
  }
  const Duration deadline = Seconds(*deployment.spec.progress_deadline_seconds);
  // The second more is so that it is over by then.
  const TimePoint end = Later(Later(condition->last_update_time.point(), deadline), 1s);
  return std::max<Duration>(Between(now, end), 1s);
}

}  // namespace skiff
