#include "controllers/workloads/disruption_budget.h"

#include <algorithm>

#include "base/seconds.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using policy_v1::PodDisruptionBudget;
using policy_v1::PodDisruptionBudgetStatus;

// An eviction that was announced this long ago has failed.
constexpr Duration kAnnouncedMax = 2min;

struct Wanted {
  int expected = 0;  // Pods that should exist.
  int healthy = 0;   // Of which this many must be healthy.
};

Wanted WantedOf(const BudgetInput& input) {
  const auto& spec = input.budget.spec;
  if (spec.max_unavailable) {
    const int unavailable =
        spec.max_unavailable->ScaledTo(input.scale, /*round_up=*/true).value_or(0);
    return {input.scale, std::max(0, input.scale - unavailable)};
  }
  if (!spec.min_available) return {};  // It allows nothing.
  const IntOrString& minimum = *spec.min_available;
  if (!minimum.is_string()) return {static_cast<int>(input.pods.size()), minimum.value()};
  return {input.scale, minimum.ScaledTo(input.scale, /*round_up=*/true).value_or(0)};
}

void SetAllowed(PodDisruptionBudgetStatus& status, int64_t generation, const std::string& value,
                const std::string& reason, const std::string& message, TimePoint now) {
  auto condition = std::find_if(status.conditions.begin(), status.conditions.end(),
                                [](const auto& it) { return it.type == "DisruptionAllowed"; });
  if (condition == status.conditions.end()) {
    condition = status.conditions.insert(condition, meta_v1::Condition{});
    condition->type = "DisruptionAllowed";
  }
  if (condition->status != value) condition->last_transition_time = now;
  condition->status = value;
  condition->reason = reason;
  condition->message = message;
  condition->observed_generation = generation;
}

}  // namespace

bool NeedsScale(const PodDisruptionBudget& budget) {
  if (budget.spec.max_unavailable) return true;
  return budget.spec.min_available && budget.spec.min_available->is_string();
}

BudgetOutcome Judge(const BudgetInput& input) {
  BudgetOutcome outcome;
  outcome.status = input.budget.status;
  PodDisruptionBudgetStatus& status = outcome.status;
  status.disrupted_pods.clear();
  status.current_healthy = 0;
  for (const auto& pod : input.pods) {
    if (pod->metadata.deletion_timestamp) continue;
    const auto announced = input.budget.status.disrupted_pods.find(pod->metadata.name);
    if (announced != input.budget.status.disrupted_pods.end()) {
      const Duration left = Between(input.now, Later(announced->second.point(), kAnnouncedMax));
      if (left > Duration(0)) {
        status.disrupted_pods.insert(*announced);
        outcome.again = std::min(outcome.again, left);
        continue;
      }
      outcome.not_deleted.push_back(pod->metadata.name);
    }
    if (IsReady(*pod)) ++status.current_healthy;
  }
  const Wanted wanted = WantedOf(input);
  status.expected_pods = wanted.expected;
  status.desired_healthy = wanted.healthy;
  status.disruptions_allowed =
      wanted.expected <= 0 ? 0 : std::max(0, status.current_healthy - wanted.healthy);
  status.observed_generation = input.budget.metadata.generation;
  const bool some = status.disruptions_allowed > 0;
  SetAllowed(status, input.budget.metadata.generation, some ? "True" : "False",
             some ? "SufficientPods" : "InsufficientPods", "", input.now);
  return outcome;
}

PodDisruptionBudgetStatus FailedStatus(const PodDisruptionBudget& budget, const std::string& error,
                                       TimePoint now) {
  PodDisruptionBudgetStatus status = budget.status;
  status.disruptions_allowed = 0;
  // The counts are still those of what was observed before.
  SetAllowed(status, status.observed_generation, "False", "SyncFailed", error, now);
  return status;
}

}  // namespace skiff
