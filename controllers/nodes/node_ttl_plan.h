// For how long kubelets may keep what they have read, by the size of the cluster. Pure.
#pragma once

#include <cstddef>

namespace skiff {

// Steps overlap, so that a node that comes and goes changes nothing: 90 nodes that were 101 stay at
// the larger step.
class NodeTtl {
 public:
  // The cluster has so many nodes now.
  void Resize(size_t nodes);
  int seconds() const;

 private:
  size_t step_ = 0;
};

}  // namespace skiff
