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
  nodes_.OnChange([this](const auto&, const auto&) {
    MutexLock lock(mutex_);
    changed_.notify_all();
  });
}

bool ReadyNodes::WaitFor(const std::vector<std::string>& names, Duration timeout) {
  size_t ready = 0;  // That many of them, from the first on, have been seen to be.
  MutexLock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] {
    for (; ready < names.size(); ++ready) {
      const auto node = nodes_.Get({"", names[ready]});
      if (!node || !IsReady(*node)) return false;
    }
    return true;
  });
}

}  // namespace skiff
