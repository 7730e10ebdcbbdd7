// What the kernel has of the routes to other nodes' pods, and how it is changed. Everything acts on
// the network namespace of the calling thread. Routes of ours bear a routing protocol number of
// their own, so that a later run knows them and nobody else's are touched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "kubelet/network/node_route_plan.h"

namespace skiff {

// rtm_protocol of our routes; the numbers that routing daemons use are in /etc/iproute2/rt_protos.
inline constexpr uint8_t kRouteProtocol = 97;

// All addresses of links that are up, in the order of the links; IPv6's link-local ones left out.
Result<std::vector<LinkAddress>> ReadLinkAddresses();

// A device called `tunnel` that is no VXLAN counts as one with id 0: it is replaced.
Result<NodeRoutes> ReadNodeRoutes(const std::string& tunnel);

// `have` is what ReadNodeRoutes said, from which `changes` were made. Goes on after a failure with
// what does not depend on it; the error names all that failed. Conflict: somebody else has a route
// to that CIDR.
Result<> ApplyNodeRoutes(const NodeRouteChanges& changes, const NodeRoutes& wanted,
                         const NodeRoutes& have, const std::string& tunnel);

// Removes the routes and the tunnel.
Result<> RemoveNodeRoutes(const std::string& tunnel);

}  // namespace skiff
