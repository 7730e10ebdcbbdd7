// Ports of its node that a pod claims, whoever looks: the scheduler, the kubelet, load balancers.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

struct PodHostPort {
  std::string ip;  // "0.0.0.0": every address of the node.
  std::string protocol;
  int32_t port = 0;
  auto operator<=>(const PodHostPort&) const = default;
};

// Of containers and sidecars: other init containers hold theirs only for a while.
std::vector<PodHostPort> HostPortsOf(const core_v1::PodSpec& spec);
// Same port and protocol, and one of the addresses covers the other.
bool Conflict(const PodHostPort& a, const PodHostPort& b);

}  // namespace skiff
