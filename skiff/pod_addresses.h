// Which addresses the pods of a cluster have: every node gets a block of them. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

// Where nothing else is asked for: Kubernetes' usual range, or a wider one for more nodes than it
// has blocks.
std::string DefaultClusterCidr(int nodes);
// Whether the range has a block for each of so many nodes.
Result<> CheckClusterCidr(const std::string& cidr, int nodes);

}  // namespace skiff
