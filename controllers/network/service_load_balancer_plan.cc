#include "controllers/network/service_load_balancer_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "api/pods/host_ports.h"
#include "api/rules/network/balanced_ports.h"
#include "controllers/network/service_pods.h"
#include "controllers/nodes/node_health.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Service;

constexpr std::string_view kExcluded = "node.kubernetes.io/exclude-from-external-load-balancers";

const std::string kListener = "a program on the control plane's machine";

std::string NameOf(const Service& service) {
  return service.metadata.namespace_ + "/" + service.metadata.name;
}

std::vector<NodePort> PortsOf(const Service& service) {
  std::vector<NodePort> ports;
  for (const auto& port : service.spec.ports) {
    ports.emplace_back(port.protocol.empty() ? "TCP" : port.protocol, port.port);
  }
  return ports;
}

// Those that it was given with its addresses, as far as it still wants them.
std::set<NodePort> HeldPorts(const Service& service) {
  std::set<NodePort> held;
  if (service.status.load_balancer.ingress.empty()) return held;
  const BalancedPorts given(service);
  for (const auto& port : service.spec.ports) {
    if (given.Has(port)) held.emplace(port.protocol.empty() ? "TCP" : port.protocol, port.port);
  }
  return held;
}

bool MayServe(const Node& node) {
  return IsReady(node) && !node.metadata.deletion_timestamp &&
         !node.metadata.labels.contains(std::string(kExcluded));
}

// Addresses of one type ("ExternalIP") and of the Service's families.
void AddAddresses(const Node& node, std::string_view type, const std::vector<std::string>& families,
                  std::set<std::string>& out) {
  for (const auto& address : node.status.addresses) {
    const std::string family = FamilyOf(address.address);
    const bool wanted = std::find(families.begin(), families.end(), family) != families.end();
    if (address.type == type && wanted) out.insert(address.address);
  }
}

// Whoever has addresses comes first, then the older one.
auto RankOf(const Service& service) {
  return std::tuple(service.status.load_balancer.ingress.empty(),
                    service.metadata.creation_timestamp, NameOf(service));
}

// Whose a port is that none of the Services has, and that the claimant has not been given either;
// "" for nobody's.
std::string OthersHold(const LoadBalancerWorld& world, const NodePort& port,
                       const Service& claimant) {
  if (const auto pod = world.host_ports.find(port); pod != world.host_ports.end()) {
    return pod->second;
  }
  const auto served = world.ingresses.find(port);
  if (served == world.ingresses.end()) return world.listened.contains(port) ? kListener : "";
  const bool is_older = served->second.created < claimant.metadata.creation_timestamp;
  return is_older ? "ingress " + served->second.name : "";
}

}  // namespace

std::map<NodePort, std::string> ReservedNodePorts(int api_server_port, int kubelet_port,
                                                  int dns_port) {
  std::map<NodePort, std::string> reserved = {{{"TCP", 22}, "ssh"},
                                              {{"UDP", 68}, "DHCP"},
                                              {{"UDP", 546}, "DHCP"},
                                              {{"TCP", 2379}, "etcd"},
                                              {{"TCP", 2380}, "etcd"},
                                              {{"TCP", api_server_port}, "the API server"},
                                              {{"UDP", 8472}, "the pods' network"},
                                              {{"TCP", kubelet_port}, "the kubelet"},
                                              {{"TCP", 10256}, "the service proxy"},
                                              {{"TCP", 10257}, "the controller manager"},
                                              {{"TCP", 10259}, "the scheduler"}};
  if (dns_port == 0) return reserved;
  for (const char* protocol : {"UDP", "TCP"}) {
    reserved.emplace(NodePort(protocol, dns_port), "the cluster DNS");
  }
  return reserved;
}

bool IsNodeLoadBalancer(const Service& service) {
  return service.spec.type == "LoadBalancer" && !service.metadata.deletion_timestamp &&
         service.spec.load_balancer_class.value_or(std::string(kNodeLoadBalancerClass)) ==
             kNodeLoadBalancerClass;
}

std::set<NodePort> ClaimedPorts(const Service& service) {
  std::set<NodePort> claims;
  if (IsNodeLoadBalancer(service)) {
    const std::vector<NodePort> ports = PortsOf(service);
    claims.insert(ports.begin(), ports.end());
  }
  for (const auto& port : service.spec.ports) {
    if (port.node_port == 0) continue;
    claims.emplace(port.protocol.empty() ? "TCP" : port.protocol, port.node_port);
  }
  if (service.spec.health_check_node_port != 0) {
    claims.emplace("TCP", service.spec.health_check_node_port);
  }
  return claims;
}

std::string PortText(const NodePort& port) {
  return fmt::format("{}/{}", port.first, port.second);
}

bool ClaimAlike(const Service& a, const Service& b) {
  return IsNodeLoadBalancer(a) == IsNodeLoadBalancer(b) && RankOf(a) == RankOf(b) &&
         ClaimedPorts(a) == ClaimedPorts(b) &&
         (!IsNodeLoadBalancer(a) || HeldPorts(a) == HeldPorts(b));
}

bool ServeAlike(const Node& a, const Node& b) {
  return MayServe(a) == MayServe(b) && a.status.addresses == b.status.addresses;
}

std::map<std::string, std::string> PortConflictsOf(const LoadBalancerWorld& world) {
  using Ranked = std::pair<decltype(RankOf(std::declval<const Service&>())), const Service*>;
  std::vector<Ranked> claimants;
  std::map<NodePort, std::string> taken = world.taken;
  for (const auto& other : world.services) {
    if (IsNodeLoadBalancer(*other)) claimants.emplace_back(RankOf(*other), other.get());
    for (const auto& port : other->spec.ports) {
      if (port.node_port == 0) continue;
      taken.emplace(NodePort(port.protocol.empty() ? "TCP" : port.protocol, port.node_port),
                    "the node port of service " + NameOf(*other));
    }
    if (other->spec.health_check_node_port != 0) {
      taken.emplace(NodePort("TCP", other->spec.health_check_node_port),
                    "the health checks of service " + NameOf(*other));
    }
  }
  std::sort(claimants.begin(), claimants.end());
  // Who was given a port keeps it from who asks for it now, also beside others that he has.
  std::map<NodePort, const Service*> holders;
  for (const auto& [rank, claimant] : claimants) {
    for (const NodePort& port : HeldPorts(*claimant)) holders.emplace(port, claimant);
  }
  std::map<std::string, std::string> conflicts;
  for (const auto& [rank, claimant] : claimants) {
    const std::vector<NodePort> ports = PortsOf(*claimant);
    std::string& conflict = conflicts[NameOf(*claimant)];
    for (const NodePort& port : ports) {
      const auto found = taken.find(port);
      const auto held = holders.find(port);
      std::string holder;
      if (found != taken.end()) {
        holder = found->second;
      } else if (held == holders.end()) {
        holder = OthersHold(world, port, *claimant);
      } else if (held->second != claimant) {
        holder = "service " + NameOf(*held->second);
      }
      if (holder.empty()) continue;
      conflict = fmt::format(
          "port {}/{} of the nodes is in use by {}; the service gets an address "
          "when that port is free",
          port.second, port.first, holder);
      break;
    }
    if (!conflict.empty()) continue;
    for (const NodePort& port : ports) taken.emplace(port, "service " + NameOf(*claimant));
  }
  return conflicts;
}

LoadBalancerPlan PlanLoadBalancer(const Service& service, const LoadBalancerWorld& world,
                                  std::string port_conflict) {
  LoadBalancerPlan plan;
  plan.port_conflict = std::move(port_conflict);
  if (!plan.port_conflict.empty()) return plan;
  const std::vector<std::string> families = FamiliesOf(service);
  const auto local = world.nodes_with_endpoints.find(NameOf(service));
  std::set<std::string> external, internal;
  for (const auto& node : world.nodes) {
    if (!MayServe(*node)) continue;
    const bool here =
        local != world.nodes_with_endpoints.end() && local->second.contains(node->metadata.name);
    if (service.spec.external_traffic_policy == "Local" && !here) continue;
    AddAddresses(*node, "ExternalIP", families, external);
    AddAddresses(*node, "InternalIP", families, internal);
  }
  // Where some node has a public address, the private ones are of no use to the world.
  const std::set<std::string>& chosen = external.empty() ? internal : external;
  plan.addresses.assign(chosen.begin(), chosen.end());
  plan.no_nodes = plan.addresses.empty();
  return plan;
}

void AddHostPorts(const core_v1::Pod& pod, std::map<NodePort, std::string>& host_ports) {
  if (IsTerminal(pod) || pod.spec.node_name.empty()) return;
  for (const PodHostPort& port : HostPortsOf(pod.spec)) {
    host_ports.emplace(NodePort(port.protocol, port.port),
                       "pod " + pod.metadata.namespace_ + "/" + pod.metadata.name);
  }
}

}  // namespace skiff
