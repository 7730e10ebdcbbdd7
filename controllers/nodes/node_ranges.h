// Which ranges of addresses nodes are given blocks of, and how large the blocks are, as
// kube-controller-manager takes it from its flags. Pure.
#pragma once

#include <string>
#include <vector>

#include "controllers/nodes/cidr_allocator.h"
#include "controllers/program.h"

namespace skiff {

// --node-cidr-mask-size and those of one family; 0: not given.
struct NodeMaskSizes {
  int any = 0;
  int ipv4 = 0;
  int ipv6 = 0;
};

// Sets the sizes of blocks in `to` to those that are given. Where ranges are to be given out, they
// have been looked at then: Invalid carries kube-controller-manager's text.
Result<> TakeMaskSizes(const NodeMaskSizes& given, ControllerOptions& to);

// One for each of the cluster CIDRs; what is of the service CIDRs none of them gives out. Those of
// options that TakeMaskSizes has looked at can be made.
Result<std::vector<CidrAllocator>> AllocatorsFor(const ControllerOptions& options);

}  // namespace skiff
