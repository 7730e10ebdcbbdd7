// Which pods would have to go so that a pod of higher priority fits, and where that does the least
// harm. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/policy_v1.h"
#include "controllers/scheduler/cycle.h"

namespace skiff::scheduler {

using BudgetPtr = std::shared_ptr<const policy_v1::PodDisruptionBudget>;

struct Victims {
  std::string node;
  std::vector<PodInfoPtr> pods;  // Most important first.
  int budget_violations = 0;
};

struct PreemptionOutcome {
  std::optional<Victims> victims;
  // For the event: `preemption: 0/3 nodes are available: ...` or why the pod may not preempt.
  std::string message;
};

// `preemptable` are the nodes on which the rules said that removing pods may help.
PreemptionOutcome Preempt(const PodInfo& pod, const Snapshot& snapshot, const Unfit& unfit,
                          const std::vector<BudgetPtr>& budgets);

}  // namespace skiff::scheduler
