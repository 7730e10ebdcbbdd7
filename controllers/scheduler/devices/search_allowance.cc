#include "controllers/scheduler/devices/search_allowance.h"

#include <algorithm>

namespace skiff::scheduler {

Duration SearchAllowances::Spent::By(Duration now) const {
  return std::max(time - (now - at) / kShare, Duration::zero());
}

Duration SearchAllowances::Left(const std::string& question, Duration full, Duration now) const {
  const auto left = [&](Duration all, const Spent& spent) {
    return std::max(all - spent.By(now), Duration::zero());
  };
  const Duration together = left(kTogether * full, together_);
  const auto found = spent_.find(question);
  if (found == spent_.end()) return std::min(full, std::max(together, kFirst));
  return std::min(left(full, found->second), together);
}

void SearchAllowances::Spend(const std::string& question, Duration took, Duration now) {
  if (spent_.size() >= kQuestionsMax && !spent_.contains(question)) Forget(now);
  Spent& spent = spent_[question];
  spent = {spent.By(now) + took, now};
  together_ = {together_.By(now) + took, now};
}

// Those that owe nothing any more; else the one that owes least.
void SearchAllowances::Forget(Duration now) {
  std::erase_if(spent_, [&](const auto& each) { return each.second.By(now) == Duration::zero(); });
  if (spent_.size() < kQuestionsMax) return;
  spent_.erase(std::ranges::min_element(
      spent_, [&](const auto& a, const auto& b) { return a.second.By(now) < b.second.By(now); }));
}

}  // namespace skiff::scheduler
