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

bool ReadyNodes::WaitFor(int count, Duration timeout) {
  MutexLock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] {
    const auto all = nodes_.List();
    return std::count_if(all.begin(), all.end(), [](const auto& node) { return IsReady(*node); }) >=
           count;
  });
}

bool ReadyNodes::WaitForNode(const std::string& name, Duration timeout) {
  MutexLock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] {
    const auto node = nodes_.Get({"", name});
    return node && IsReady(*node);
  });
}

}  // namespace skiff
