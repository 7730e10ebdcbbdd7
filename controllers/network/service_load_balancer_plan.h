// Which addresses a Service of type LoadBalancer gets where no cloud gives any: those of the nodes,
// as k3s does it. The service proxy of each node takes what comes for such an address and port, so
// a port of the nodes can serve one Service at a time. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/client.h"

namespace skiff {

// The class that means this controller; a Service without a class is ours as well.
inline constexpr std::string_view kNodeLoadBalancerClass = "skiff.io/node";

// Protocol ("TCP") and number.
using NodePort = std::pair<std::string, int32_t>;

// An Ingress that is served at a port of the nodes.
struct PortIngress {
  std::string name;  // "namespace/name"
  Time created;
};

struct LoadBalancerWorld {
  std::vector<Ptr<core_v1::Service>> services;
  std::vector<Ptr<core_v1::Node>> nodes;
  // Ports of the nodes that are something else's, and whose: ssh, the API server.
  std::map<NodePort, std::string> taken;
  // Those that pods claim as hostPorts. Who was given such a port already keeps it: anybody may say
  // of a pod on which node it is, and which ports it wants there.
  std::map<NodePort, std::string> host_ports;
  // The oldest Ingress of each port. It keeps the port from Services that are younger; to others it
  // gives way, as do Services among themselves, so that it never matters which of two controllers
  // came first with what was created at one time.
  std::map<NodePort, PortIngress> ingresses;
  // Those that a program of the control plane's machine listens at. Who was given such a port
  // already keeps it, as it was first.
  std::set<NodePort> listened;
  // Nodes with a ready endpoint, by "namespace/name" of Services with externalTrafficPolicy Local.
  std::map<std::string, std::set<std::string>> nodes_with_endpoints;
};

// Sorted addresses, or why there are none.
struct LoadBalancerPlan {
  std::vector<std::string> addresses;
  // Empty: addresses were found. Else one of the two.
  std::string port_conflict;
  bool no_nodes = false;
};

// What every node of a cluster needs for itself: ssh, the cluster's own programs, the network
// between pods, the machine's own address. `dns_port`: 0 where nodes serve no DNS.
std::map<NodePort, std::string> ReservedNodePorts(int api_server_port, int kubelet_port,
                                                  int dns_port = 0);

// Whether addresses for this Service are ours to give.
bool IsNodeLoadBalancer(const core_v1::Service& service);

// Why the ports of each of our Services of the world cannot be its own, by "namespace/name"; ""
// when they can. `world` has at least the Services that claim what these do, and what those claim
// beside. A Service that has addresses keeps the ports that it was given with them, which its
// status tells; of those that ask for another, the older one is served first.
std::map<std::string, std::string> PortConflictsOf(const LoadBalancerWorld& world);
// With that Service's conflict; of the world nodes and endpoints count.
LoadBalancerPlan PlanLoadBalancer(const core_v1::Service& service, const LoadBalancerWorld& world,
                                  std::string port_conflict);

// The ports of the nodes that a Service would have: its own where it is one of ours, and its node
// ports.
std::set<NodePort> ClaimedPorts(const core_v1::Service& service);
// "TCP/80"
std::string PortText(const NodePort& port);

// Whether others are served alike, whichever of the two a Service, or a node, is.
bool ClaimAlike(const core_v1::Service& a, const core_v1::Service& b);
bool ServeAlike(const core_v1::Node& a, const core_v1::Node& b);

// Adds the ports of the node that a pod claims: hostPorts, also of pods on the host's network.
void AddHostPorts(const core_v1::Pod& pod, std::map<NodePort, std::string>& host_ports);

}  // namespace skiff
