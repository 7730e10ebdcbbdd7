// Whether a cluster's ranges of addresses, those of its pods and of its services, can be. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

struct ClusterRanges {
  std::string services;
  std::string pods;
  int nodes = 1;  // Each gets a range of its own among the pods'.
};

// Invalid says which flag is wrong and why.
Result<> CheckClusterRanges(const ClusterRanges& ranges);

}  // namespace skiff
