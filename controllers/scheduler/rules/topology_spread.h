// What a pod must be spread by, for who asks whether a change matters to it.
#pragma once

#include <string>
#include <vector>

#include "api/select/selector.h"
#include "controllers/scheduler/framework.h"

namespace skiff::scheduler {

struct HardSpread {
  std::string key;         // Of the node label whose values are spread over.
  LabelSelector selector;  // Of the pods that count.
  bool honor_taints = false;
};
// The constraints without which the pod is not placed: its own, or the profile's.
std::vector<HardSpread> HardSpreadsOf(const PodInfo& pod, const Snapshot& snapshot);

}  // namespace skiff::scheduler
