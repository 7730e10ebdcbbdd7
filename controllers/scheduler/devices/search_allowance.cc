#include "controllers/scheduler/devices/search_allowance.h"

#include <algorithm>

namespace skiff::scheduler {

Duration SearchAllowances::Spent::By(Duration now) const {
  return std::max(time - (now - at) / kShare, Duration::zero());
}

Duration SearchAllowances::Left(const std::string& question, Duration full, Duration now) const {
  const auto found = spent_.find(question);
  if (found == spent_.end()) return full;
  return std::max(full - found->second.By(now), Duration::zero());
}

void SearchAllowances::Spend(const std::string& question, Duration took, Duration now) {
  if (spent_.size() >= kQuestionsMax && !spent_.contains(question)) Forget(now);
  Spent& spent = spent_[question];
  spent = {spent.By(now) + took, now};
}

// Those that owe nothing any more; else the one that owes least.
void SearchAllowances::Forget(Duration now) {
  std::erase_if(spent_, [&](const auto& each) { return each.second.By(now) == Duration::zero(); });
  if (spent_.size() < kQuestionsMax) return;
  spent_.erase(std::ranges::min_element(
      spent_, [&](const auto& a, const auto& b) { return a.second.By(now) < b.second.By(now); }));
}

}  // namespace skiff::scheduler
