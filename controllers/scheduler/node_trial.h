// A node as it would be with other pods on it, in an otherwise unchanged snapshot. May be tried
// again with others.
#pragma once

#include <algorithm>

#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

class NodeTrial {
 public:
  NodeTrial(const NodeInfo& node, const Snapshot& snapshot) : node_(node), snapshot_(snapshot) {
    NodeList::Nodes nodes = snapshot.nodes;
    std::replace(nodes.begin(), nodes.end(), &node, static_cast<const NodeInfo*>(&node_));
    snapshot_.nodes = NodeList(std::move(nodes));
    // Nobody counts what is only tried, but what is counted holds for all other nodes.
    snapshot_.counts = nullptr;
    snapshot_.tried = nullptr;
    if (snapshot.counts != nullptr) {
      tried_ = {&node, &node_, snapshot.nodes, snapshot.counts};
      snapshot_.tried = &tried_;
    } else if (snapshot.tried != nullptr && snapshot.tried->as_tried == &node) {
      tried_ = *snapshot.tried;
      tried_.as_tried = &node_;
      snapshot_.tried = &tried_;
    }
  }
  NodeTrial(const NodeTrial&) = delete;  // The snapshot points to the node.
  NodeTrial& operator=(const NodeTrial&) = delete;
  NodeInfo& node() { return node_; }
  const Snapshot& snapshot() const { return snapshot_; }

 private:
  NodeInfo node_;
  TriedNode tried_;
  Snapshot snapshot_;
};

}  // namespace skiff::scheduler
