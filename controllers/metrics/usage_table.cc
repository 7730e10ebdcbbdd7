#include "controllers/metrics/usage_table.h"

#include <iterator>
#include <utility>

namespace skiff::metrics {

bool UsageTable::Asked(Duration now) {
  const MutexLock lock(mutex_);
  const bool begins = !asked_ || now - *asked_ >= kAskedLately;
  asked_ = now;
  return begins;
}

bool UsageTable::IsWanted(Duration now) const {
  const MutexLock lock(mutex_);
  return asked_ && now - *asked_ < kAskedLately;
}

void UsageTable::Put(const std::string& node, Sample sample) {
  std::optional<Sample> forgotten;  // Let go of when nobody waits for it.
  const MutexLock lock(mutex_);
  const auto [found, is_new] = nodes_.try_emplace(node);
  Looks& looks = found->second;
  if (is_new) {
    looks.last = std::move(sample);
    return;
  }
  if (sample.node.cpu_seconds && looks.last.node.cpu_seconds) {
    // A kubelet that has not counted since.
    if (sample.node.at == looks.last.node.at) return;
    // Its clock was set back: what lies between the two looks nobody knows.
    if (sample.node.at < looks.last.node.at) {
      forgotten = std::exchange(looks.before, std::nullopt);
      looks.last = std::move(sample);
      return;
    }
  }
  forgotten = std::exchange(looks.before, std::move(looks.last));
  looks.last = std::move(sample);
}

void UsageTable::Keep(const std::set<std::string>& nodes) {
  std::map<std::string, Looks> forgotten;
  const MutexLock lock(mutex_);
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    const auto next = std::next(entry);
    if (!nodes.contains(entry->first)) forgotten.insert(nodes_.extract(entry));
    entry = next;
  }
}

std::optional<Usage> UsageTable::OfNode(const std::string& node) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || !found->second.before) return std::nullopt;
  return UsageBetween(&found->second.before->node, found->second.last.node, kResolution);
}

std::optional<std::map<std::string, Usage>> UsageTable::OfPod(const std::string& node,
                                                              const std::string& name_space,
                                                              const std::string& pod) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return std::nullopt;
  const Looks& looks = found->second;
  std::map<std::string, Usage> usages;
  for (auto at = looks.last.containers.lower_bound({name_space, pod, ""});
       at != looks.last.containers.end() && at->first.name_space == name_space &&
       at->first.pod == pod;
       ++at) {
    const Point* before = nullptr;
    if (looks.before) {
      const auto earlier = looks.before->containers.find(at->first);
      if (earlier != looks.before->containers.end()) before = &earlier->second;
    }
    const auto usage = UsageBetween(before, at->second, kResolution);
    if (!usage) return std::nullopt;
    usages[at->first.container] = *usage;
  }
  if (usages.empty()) return std::nullopt;
  return usages;
}

}  // namespace skiff::metrics
