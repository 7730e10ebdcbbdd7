// Which pods would have to go so that a pod of higher priority fits, and where that does the least
// harm. Pure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/policy_v1.h"
#include "api/select/selector.h"
#include "controllers/scheduler/cycle.h"
#include "controllers/scheduler/profile.h"

namespace skiff::scheduler {

using BudgetPtr = std::shared_ptr<const policy_v1::PodDisruptionBudget>;

struct Victims {
  std::string node;
  std::vector<PodInfoPtr> pods;  // Most important first.
  int budget_violations = 0;
};

struct PreemptionInput {
  const PodInfo& pod;
  const Snapshot& snapshot;
  // Its `preemptable` are the nodes on which the rules said that removing pods may help.
  const Unfit& unfit;
  const std::vector<BudgetPtr>& budgets;
  // Pods that were told to go for others; the cache may not show it yet.
  const std::set<std::string>& leaving;
  // The selector of a budget, where somebody keeps those that were read; nullptr: it selects
  // nothing. Null: they are read anew.
  std::function<std::shared_ptr<const LabelSelector>(const BudgetPtr&)> selector_of = nullptr;
  // Whether the search has taken long enough: all other pods wait for it, and all rules are asked
  // anew for each pod of each node that may have to go. What was found until then has to do. Null:
  // it may take any time.
  std::function<bool()> give_up = nullptr;
};

struct PreemptionOutcome {
  std::vector<Victims> candidates;  // A node each.
  std::optional<Victims> victims;   // Those of the one that was chosen.
  // Why the pod may not preempt now: what it is nominated to stays as it is.
  bool eligible = true;
  // It could not be found out who would have to go; nothing but the message is told then.
  bool failed = false;
  // For the event: `preemption: 0/3 nodes are available: ...` or why the pod may not preempt.
  std::string message;
};

// How many candidates are enough of `nodes` on which removing pods may help.
size_t CandidatesWanted(size_t nodes, const Profile& profile);

// Looks for candidates from a random node on, and leaves the choice to others.
PreemptionOutcome FindCandidates(const PreemptionInput& input, Random& random);
// The one that does the least harm; nullopt: there is none. None is without victims.
std::optional<Victims> LeastHarm(std::vector<Victims> candidates);
// Most important first.
void SortVictims(std::vector<PodInfoPtr>& pods);

// Pods nominated to the node that are less important than the one that will have its place: they
// must look elsewhere.
std::vector<PodInfoPtr> Displaced(const PodInfo& preemptor, const std::string& node,
                                  const Nominations& nominations);

}  // namespace skiff::scheduler
