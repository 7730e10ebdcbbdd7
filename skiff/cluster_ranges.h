// Whether a cluster's ranges of addresses, those of its pods and of its services, can be. Pure.
//
// A text of ranges has one for each family, "10.244.0.0/16" or "10.244.0.0/16,fd00:10:244::/56", as
// Kubernetes' flags and kubeadm's ClusterConfiguration write them.
#pragma once

#include <string>
#include <vector>

#include "api/rules/core/ip.h"
#include "base/error.h"

namespace skiff {

struct ClusterRanges {
  std::string services;
  std::string pods;
  int nodes = 1;  // Each gets a range of its own among the pods'.
  bool are_nodes_real = false;  // Of machines, whose first address is one of IPv4.
};

// The ranges of such a text.
std::vector<std::string> CidrsOf(const std::string& text);
// Whether there is one of IPv6 among them.
bool HasIpv6(const std::string& text);
// Whether some address is in both.
bool Overlap(const Cidr& a, const Cidr& b);

// Whether both have one range of each family that there is, and the same ones. Invalid says what is
// wrong.
Result<> CheckFamilies(const ClusterRanges& ranges);
// That, and whether they are as large as they have to be: of a cluster that is made. Invalid says
// which flag is wrong and why.
Result<> CheckClusterRanges(const ClusterRanges& ranges);

}  // namespace skiff
