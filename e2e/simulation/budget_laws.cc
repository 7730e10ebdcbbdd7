#include "e2e/simulation/budget_laws.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff {

void BudgetLaws::Guard(bool on) {
  guards_ = on;
  BeginAnew();
  Check();
}

void BudgetLaws::BeginAnew() {
  for (auto& [uid, budget] : budgets_) budget.was_kept = false;
}

void BudgetLaws::TakeBudget(const policy_v1::PodDisruptionBudget& budget, bool deleted) {
  int unseen = 0;
  if (const auto known = budgets_.find(budget.metadata.uid); known != budgets_.end()) {
    unseen = budget.status.current_healthy <= Serving(known->second) ? 0 : known->second.unseen;
    budgets_.erase(known);
  }
  const auto& least = budget.spec.min_available;
  if (deleted || !least || !budget.spec.selector) return;
  auto selector = LabelSelector::From(*budget.spec.selector);
  const auto count = least->ScaledTo(0, true);
  CHECK(selector.has_value() && count.has_value());
  budgets_.emplace(budget.metadata.uid, Budget{.key = KeyOf(budget),
                                               .selector = *std::move(selector),
                                               .least = static_cast<int>(*count),
                                               .unseen = unseen});
  Check();
}

void BudgetLaws::TakePod(const core_v1::Pod& pod, PodView view) {
  if (view.is_doubtful) BeginAnew();
  if (view.serves) {
    pods_[pod.metadata.uid] = {pod.metadata.namespace_, pod.metadata.labels};
  } else if (pods_.erase(pod.metadata.uid) > 0 && view.goes_unasked) {
    for (auto& [uid, budget] : budgets_) {
      if (budget.IsAbout(pod.metadata.namespace_, pod.metadata.labels)) ++budget.unseen;
    }
  }
  Check();
}

bool BudgetLaws::Budget::IsAbout(const std::string& namespace_name, const Labels& labels) const {
  return namespace_name == key.namespace_ && selector.Matches(labels);
}

int BudgetLaws::Serving(const Budget& budget) const {
  return static_cast<int>(std::ranges::count_if(pods_, [&](const auto& each) {
    return budget.IsAbout(each.second.namespace_name, each.second.labels);
  }));
}

void BudgetLaws::Check() {
  for (auto& [uid, budget] : budgets_) {
    const int serving = Serving(budget);
    if (serving >= budget.least) budget.was_kept = true;
    // Pods of a node that is taken for silent are taken for unready, with no eviction.
    if (!laws_.AreNodesReady()) budget.was_kept = false;
    if (!guards_ || !budget.was_kept || serving + budget.unseen >= budget.least) continue;
    laws_.Broken(fmt::format("budget {} has {} ready pods, fewer than {}", budget.key.Text(),
                             serving, budget.least));
    budget.was_kept = false;
  }
}

}  // namespace skiff
