#include "kubelet/pods_by_node.h"

namespace skiff::kubelet {
namespace {

const std::string& NodeOf(const Ptr<core_v1::Pod>& pod) {
  static const std::string kNowhere;
  return pod ? pod->spec.node_name : kNowhere;
}

}  // namespace

PodsByNode::PodsByNode(Informer<core_v1::Pod> pods) {
  pods.OnChange([this](const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
    Tell(NodeOf(before), before, now);
    if (NodeOf(now) != NodeOf(before)) Tell(NodeOf(now), before, now);
  });
}

void PodsByNode::Follow(const std::string& node, Handler handler) {
  handlers_[node].push_back(std::move(handler));
}

void PodsByNode::Tell(const std::string& node, const Ptr<core_v1::Pod>& before,
                      const Ptr<core_v1::Pod>& now) const {
  if (node.empty()) return;
  const auto found = handlers_.find(node);
  if (found == handlers_.end()) return;
  for (const Handler& handler : found->second) handler(before, now);
}

}  // namespace skiff::kubelet
