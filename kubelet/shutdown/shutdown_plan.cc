#include "kubelet/shutdown/shutdown_plan.h"

#include <algorithm>
#include <limits>

#include "base/seconds.h"

namespace skiff::kubelet {
namespace {

constexpr int32_t kSystemCritical = 2'000'000'000;

}  // namespace

std::vector<ShutdownGroup> GroupsOf(Duration all, Duration critical) {
  if (all == Duration::zero() || critical > all || critical < Duration::zero()) return {};
  const auto seconds = [](Duration time) {
    return static_cast<int64_t>(std::chrono::floor<std::chrono::seconds>(time).count());
  };
  return {{0, seconds(all - critical)}, {kSystemCritical, seconds(critical)}};
}

std::vector<ShutdownGroup> Grouped(std::vector<ShutdownGroup> groups,
                                   const std::vector<std::shared_ptr<const core_v1::Pod>>& pods) {
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.priority < b.priority; });
  if (groups.empty()) return groups;
  for (const auto& pod : pods) {
    const int32_t priority = pod->spec.priority.value_or(0);
    auto group = std::upper_bound(
        groups.begin(), groups.end(), priority,
        [](int32_t own, const ShutdownGroup& each) { return own < each.priority; });
    if (group != groups.begin()) --group;
    group->pods.push_back(pod);
  }
  return groups;
}

int64_t ShutdownGrace(const ShutdownGroup& group, const core_v1::Pod& pod) {
  return std::min(group.grace_s, pod.spec.termination_grace_period_seconds.value_or(group.grace_s));
}

Duration ShutdownTime(const std::vector<ShutdownGroup>& groups) {
  constexpr Duration kLongest = Seconds(std::numeric_limits<int64_t>::max());
  Duration sum{};
  for (const ShutdownGroup& group : groups) {
    sum = std::clamp(sum + Seconds(group.grace_s), -kLongest, kLongest);
  }
  return sum;
}

}  // namespace skiff::kubelet
