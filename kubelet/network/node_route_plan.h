// How packets reach the pods of other nodes. Pure: Nodes and this machine's addresses in; routes,
// neighbours and forwarding entries out; and what has to change in the kernel to get there.
//
//   a node on a link of ours      10.244.2.0/24 via 192.0.2.12 dev eth0            (host gateway)
//   a node behind a router        10.244.3.0/24 via 10.244.3.0 dev skiff.vxlan onlink   (overlay)
//                                 10.244.3.0 is at 0e:..:03, and that MAC is at 198.51.100.13
//
// In the overlay the first address of a node's pod CIDR stands for its end of the tunnel.
//
// Pods of this machine have a route each, which CNI makes. What else is in its pod CIDR is nowhere:
// packets to it are refused instead of taking the default route.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace skiff {

// One per family at most in each list, the primary one first.
struct RoutedNode {
  std::string name;
  std::vector<std::string> addresses;  // InternalIPs.
  std::vector<std::string> pod_cidrs;  // "10.244.2.0/24"
  std::string tunnel_mac;              // "": its end of the tunnel is not there yet.
  bool operator==(const RoutedNode&) const = default;
};

struct LinkAddress {
  std::string link;  // "eth0"
  int index = 0;
  int mtu = 0;
  std::string ip;
  int prefix_length = 0;
};

enum class OverlayMode : uint8_t {
  kAuto,         // Host gateways on a common link, VXLAN else.
  kHostGateway,  // Never VXLAN: other nodes behind routers are left to those.
  kVxlan,        // VXLAN to all.
};

// So many bits shorter than this node's a pod CIDR of another one may be, of a time when the
// cluster gave out larger ones: one node shall not claim all that others will be given.
inline constexpr int kLargerCidrBitsMax = 4;

struct NodeRouteOptions {
  std::string node_name;
  OverlayMode mode = OverlayMode::kAuto;
  std::string tunnel = "skiff.vxlan";  // The device.
  int tunnel_id = 1;
  int tunnel_port = 8472;
  // Ranges that no node's pods may be in: those of services.
  std::vector<std::string> reserved_cidrs;
  // Ranges that other nodes' pods are in, those of the cluster: a node may say what it likes of its
  // own Node object, and shall draw nobody else's traffic. Empty: they are not known.
  std::vector<std::string> cluster_cidrs;
};

// All texts below are as the kernel prints them.
struct PodRoute {
  std::string cidr;
  std::string gateway;
  std::string link;
  bool on_link = false;
  auto operator<=>(const PodRoute&) const = default;
};

// The tunnel of this node.
struct Tunnel {
  int id = 0;
  int port = 0;
  int underlay_index = 0;  // Of the link it leaves by.
  int mtu = 0;
  std::string local;                   // The address it leaves from.
  std::string mac;                     // Made from the node's name: the same after a restart.
  std::set<std::string> own_prefixes;  // "10.244.1.0/32": what the node's own packets come from.
  bool operator==(const Tunnel&) const = default;
};

struct NodeRoutes {
  std::map<std::string, PodRoute> routes;         // By CIDR.
  std::set<std::string> unreachable;              // This node's own pod CIDRs.
  std::map<std::string, std::string> neighbours;  // Tunnel gateway -> MAC.
  std::map<std::string, std::string> forwarding;  // MAC -> address of the node.
  bool has_tunnel = false;
  Tunnel tunnel;
  bool operator==(const NodeRoutes&) const = default;
};

struct NodeRoutePlan {
  NodeRoutes wanted;
  // What pods' interfaces may send at once: the link's, less 50 bytes (70 over IPv6) where some
  // node is reached through the tunnel. 0: this node's link is not known.
  int pod_mtu = 0;
  // A line each for a human: nodes that cannot be routed to, and why.
  std::vector<std::string> problems;
};

// `nodes` in the order of their age: where pod CIDRs overlap, the older node keeps its route. The
// own node is among them; until it has an address that some link of `links` has, and pod CIDRs,
// nothing is wanted.
NodeRoutePlan PlanNodeRoutes(const std::vector<RoutedNode>& nodes,
                             const std::vector<LinkAddress>& links,
                             const NodeRouteOptions& options);

// The locally administered MAC of a node's end of the tunnel.
std::string TunnelMac(const std::string& node_name);

// What to do to the kernel, in this order: the tunnel, removals, additions.
struct NodeRouteChanges {
  bool delete_tunnel = false;
  bool create_tunnel = false;
  std::vector<std::string> remove_own_prefixes, add_own_prefixes;  // Addresses of the tunnel.
  std::vector<PodRoute> remove_routes;                             // By their CIDR.
  std::vector<std::string> remove_unreachable, add_unreachable;
  std::vector<std::pair<std::string, std::string>> remove_neighbours, remove_forwarding;
  std::vector<std::pair<std::string, std::string>> set_neighbours, set_forwarding;
  std::vector<PodRoute> set_routes;  // One of ours to the same CIDR is replaced.
  bool empty() const;
};
NodeRouteChanges DiffNodeRoutes(const NodeRoutes& wanted, const NodeRoutes& have);

}  // namespace skiff
