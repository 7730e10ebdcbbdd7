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

uint64_t ReadyNodes::BecameReady() {
  MutexLock lock(mutex_);
  return became_ready_;
}

bool ReadyNodes::AwaitMore(uint64_t seen, Duration patience) {
  MutexLock lock(mutex_);
  return changed_.wait_for(lock, patience,
                           [&]() REQUIRES(mutex_) { return became_ready_ != seen; });
}

bool ReadyNodes::WaitFor(const std::vector<std::string>& names, Duration patience) {
  const auto is_ready = [&](const std::string& name) {
    const auto node = nodes_.Get({"", name});
    return node && IsReady(*node);
  };
  size_t ready = 0;  // That many of them, from the first on, have been seen to be.
  while (true) {
    const uint64_t seen = BecameReady();  // Before looking: what comes meanwhile is not missed.
    while (ready < names.size() && is_ready(names[ready])) ++ready;
    if (ready == names.size()) return true;
    if (!AwaitMore(seen, patience)) return false;
  }
}

}  // namespace skiff
