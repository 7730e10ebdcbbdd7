// How many pods of a PodDisruptionBudget may be disrupted. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"
#include "base/clock.h"
#include "client/client.h"

namespace skiff {

struct BudgetInput {
  const policy_v1::PodDisruptionBudget& budget;
  std::vector<Ptr<core_v1::Pod>> pods;  // All that its selector picks.
  int scale = 0;                        // Sum of what the pods' controllers want.
  TimePoint now;
};

struct BudgetOutcome {
  policy_v1::PodDisruptionBudgetStatus status;
  std::vector<std::string> not_deleted;  // Pods whose announced disruption did not come.
  Duration again = kNever;               // When the next announcement runs out.
};

// Whether the controllers of the pods have to be asked: a percentage, or maxUnavailable.
bool NeedsScale(const policy_v1::PodDisruptionBudget& budget);
BudgetOutcome Judge(const BudgetInput& input);
// The status when the counts cannot be had: nothing may be disrupted.
policy_v1::PodDisruptionBudgetStatus FailedStatus(const policy_v1::PodDisruptionBudget& budget,
                                                  const std::string& error, TimePoint now);

}  // namespace skiff
