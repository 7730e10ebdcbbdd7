#include "skiff/ready_nodes.h"

#include <algorithm>

namespace skiff {

bool ReadyNodes::IsReady(const core_v1::Node& node) {
  const auto& conditions = node.status.conditions;
  return std::any_of(conditions.begin(), conditions.end(), [](const auto& condition) {
    return condition.type == "Ready" && condition.status == "True";
  });
}

ReadyNodes::ReadyNodes(Informer<core_v1::Node> nodes) : nodes_(nodes) {
  nodes_.OnChange([this](const auto& before, const auto& now) {
    if (!now || !IsReady(*now) || (before && IsReady(*before))) return;
    MutexLock lock(mutex_);
    ++became_ready_;
    changed_.notify_all();
  });
}

bool ReadyNodes::WaitFor(const std::vector<std::string>& names, Duration patience) {
  const auto is_ready = [&](const std::string& name) {
    const auto node = nodes_.Get({"", name});
    return node && IsReady(*node);
  };
  size_t ready = 0;  // That many of them, from the first on, have been seen to be.
  MutexLock lock(mutex_);
  while (true) {
    while (ready < names.size() && is_ready(names[ready])) ++ready;
    if (ready == names.size()) return true;
    const uint64_t seen = became_ready_;
    const bool is_more = changed_.wait_for(
        lock, patience, [&]() REQUIRES(mutex_) { return became_ready_ != seen; });
    if (!is_more) return false;
  }
}

}  // namespace skiff
