#include "controllers/scheduler/nominations.h"

#include <algorithm>

namespace skiff::scheduler {

void Nominations::Set(PodInfoPtr pod, const std::string& node) {
  Remove(pod->uid());
  nodes_[pod->uid()] = node;
  pods_[node].push_back(std::move(pod));
}

void Nominations::Refresh(const PodInfoPtr& pod) {
  const std::string node = NodeOf(pod->uid());
  if (!node.empty()) Set(pod, node);
}

bool Nominations::Remove(const std::string& uid) {
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return false;
  const auto list = pods_.find(found->second);
  std::erase_if(list->second, [&](const PodInfoPtr& pod) { return pod->uid() == uid; });
  if (list->second.empty()) pods_.erase(list);
  nodes_.erase(found);
  return true;
}

std::string Nominations::NodeOf(const std::string& uid) const {
  const auto found = nodes_.find(uid);
  return found == nodes_.end() ? "" : found->second;
}

const std::vector<PodInfoPtr>& Nominations::On(const std::string& node) const {
  static const std::vector<PodInfoPtr> none;
  const auto found = pods_.find(node);
  return found == pods_.end() ? none : found->second;
}

}  // namespace skiff::scheduler
