#include "api/rules/core/service_fields.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "api/gen/core_v1.h"

namespace skiff {
namespace {

using core_v1::Service;
using core_v1::ServicePort;
using core_v1::ServiceSpec;

// Whether ports get numbers of nodes without asking for them.
bool GetsNodePorts(const ServiceSpec& spec) {
  return spec.type == "NodePort" ||
         (spec.type == "LoadBalancer" && spec.allocate_load_balancer_node_ports.value_or(true));
}

// Ports are matched by name; a number that another port now uses is not taken over.
void KeepNodePorts(ServiceSpec& spec, const ServiceSpec& old) {
  std::set<int32_t> used;
  for (const auto& port : spec.ports) {
    if (port.node_port != 0) used.insert(port.node_port);
  }
  std::map<std::string_view, int32_t> before;  // By name; of several ports the first.
  for (const auto& port : old.ports) before.emplace(port.name, port.node_port);
  for (auto& port : spec.ports) {
    if (port.node_port != 0) continue;
    const auto same = before.find(port.name);
    if (same != before.end() && !used.contains(same->second)) port.node_port = same->second;
  }
}

// Whether the new ports name no number that the old ones did not have.
bool AddsNoNodePort(const ServiceSpec& spec, const ServiceSpec& old) {
  std::set<int32_t> before = {0};
  for (const auto& port : old.ports) before.insert(port.node_port);
  return std::ranges::all_of(
      spec.ports, [&](const ServicePort& port) { return before.contains(port.node_port); });
}

bool SameClusterIps(const ServiceSpec& spec, const ServiceSpec& old) {
  return spec.cluster_ip == old.cluster_ip && spec.cluster_ips == old.cluster_ips;
}

}  // namespace

bool NeedsClusterIp(const ServiceSpec& spec) {
  return spec.type == "ClusterIP" || spec.type == "NodePort" || spec.type == "LoadBalancer";
}

bool NeedsNodePort(const ServiceSpec& spec) {
  return spec.type == "NodePort" || spec.type == "LoadBalancer";
}

bool NeedsHealthCheckNodePort(const ServiceSpec& spec) {
  return spec.type == "LoadBalancer" && spec.external_traffic_policy == "Local";
}

bool IsExternallyReachable(const ServiceSpec& spec) {
  return spec.type == "NodePort" || spec.type == "LoadBalancer" ||
         (spec.type == "ClusterIP" && !spec.external_ips.empty());
}

void AlignClusterIps(Service& object, const Service* old) {
  auto& spec = object.spec;
  if (old == nullptr) {
    if (spec.cluster_ips.empty() && !spec.cluster_ip.empty()) spec.cluster_ips = {spec.cluster_ip};
    return;
  }
  const auto& before = old->spec;
  if (spec.cluster_ip == before.cluster_ip) {
    if (spec.cluster_ips.empty()) spec.cluster_ips = before.cluster_ips;
  } else if (spec.cluster_ips == before.cluster_ips) {
    spec.cluster_ips.clear();
    if (!spec.cluster_ip.empty()) spec.cluster_ips.push_back(spec.cluster_ip);
  }
}

void KeepAllocatedFields(Service& object, const Service& old) {
  auto& spec = object.spec;
  if (old.spec.type != "ExternalName" && spec.type != "ExternalName") {
    if (spec.cluster_ip.empty()) spec.cluster_ip = old.spec.cluster_ip;
    // An address that is another one takes their place below.
    if (spec.cluster_ips.empty()) spec.cluster_ips = old.spec.cluster_ips;
  }
  if (GetsNodePorts(old.spec) && GetsNodePorts(spec)) KeepNodePorts(spec, old.spec);
  if (NeedsHealthCheckNodePort(old.spec) && NeedsHealthCheckNodePort(spec) &&
      spec.health_check_node_port == 0) {
    spec.health_check_node_port = old.spec.health_check_node_port;
  }
}

void DropFieldsOfOldType(Service& object, const Service& old) {
  auto& spec = object.spec;
  const auto& before = old.spec;
  // Types that nobody knows are refused; until then they are like those that have addresses.
  if (before.type != "ExternalName" && spec.type == "ExternalName") {
    if (SameClusterIps(spec, before)) {
      spec.cluster_ip.clear();
      spec.cluster_ips.clear();
    }
    if (spec.ip_families == before.ip_families) spec.ip_families.clear();
    if (spec.ip_family_policy == before.ip_family_policy) spec.ip_family_policy.reset();
    if (spec.internal_traffic_policy == before.internal_traffic_policy) {
      spec.internal_traffic_policy.reset();
    }
  }
  if (NeedsNodePort(before) && !NeedsNodePort(spec) && AddsNoNodePort(spec, before)) {
    for (auto& port : spec.ports) port.node_port = 0;
  }
  if (NeedsHealthCheckNodePort(before) && !NeedsHealthCheckNodePort(spec) &&
      spec.health_check_node_port == before.health_check_node_port) {
    spec.health_check_node_port = 0;
  }
  if (before.type == "LoadBalancer" && spec.type != "LoadBalancer") {
    if (spec.allocate_load_balancer_node_ports == before.allocate_load_balancer_node_ports) {
      spec.allocate_load_balancer_node_ports.reset();
    }
    if (spec.load_balancer_class == before.load_balancer_class) spec.load_balancer_class.reset();
  }
  if (IsExternallyReachable(before) && !IsExternallyReachable(spec) &&
      spec.external_traffic_policy == before.external_traffic_policy) {
    spec.external_traffic_policy.clear();
  }
  if (spec.type != "LoadBalancer") object.status.load_balancer = {};
}

}  // namespace skiff
