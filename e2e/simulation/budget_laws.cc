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
  budgets_.erase(budget.metadata.uid);
  const auto& least = budget.spec.min_available;
  if (deleted || !least || !budget.spec.selector) return;
  auto selector = LabelSelector::From(*budget.spec.selector);
  const auto count = least->ScaledTo(0, true);
  CHECK(selector.has_value() && count.has_value());
  budgets_.emplace(budget.metadata.uid, Budget{.key = KeyOf(budget),
                                               .selector = *std::move(selector),
                                               .least = static_cast<int>(*count)});
  Check();
}

void BudgetLaws::TakePod(const core_v1::Pod& pod, PodView view) {
  if (view.is_doubtful) BeginAnew();
  if (view.serves) {
    pods_[pod.metadata.uid] = {pod.metadata.namespace_, pod.metadata.labels};
  } else {
    pods_.erase(pod.metadata.uid);
  }
  Check();
}

void BudgetLaws::Check() {
  for (auto& [uid, budget] : budgets_) {
    const auto serving = std::ranges::count_if(pods_, [&](const auto& each) {
      const ServingPod& pod = each.second;
      return pod.namespace_name == budget.key.namespace_ && budget.selector.Matches(pod.labels);
    });
    if (serving >= budget.least) budget.was_kept = true;
    // Pods of a node that is taken for silent are taken for unready, with no eviction.
    if (!laws_.AreNodesReady()) budget.was_kept = false;
    if (!guards_ || !budget.was_kept || serving >= budget.least) continue;
    laws_.Broken(fmt::format("budget {} has {} ready pods, fewer than {}", budget.key.Text(),
                             serving, budget.least));
    budget.was_kept = false;
  }
}

}  // namespace skiff
