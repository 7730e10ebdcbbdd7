// A node as it would be with other pods on it, in an otherwise unchanged snapshot.
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
    snapshot_.counts = nullptr;  // Nobody counts what is only tried.
  }
  NodeTrial(const NodeTrial&) = delete;  // The snapshot points to the node.
  NodeTrial& operator=(const NodeTrial&) = delete;
  NodeInfo& node() { return node_; }
  const Snapshot& snapshot() const { return snapshot_; }

 private:
  NodeInfo node_;
  Snapshot snapshot_;
};

}  // namespace skiff::scheduler
