#include "skiff/shadowed_ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/rules/network/balanced_ports.h"

namespace skiff {
namespace {

bool HasAddressOf(const core_v1::Service& service, const std::vector<std::string>& addresses) {
  const auto& given = service.status.load_balancer.ingress;
  return std::any_of(given.begin(), given.end(), [&](const core_v1::LoadBalancerIngress& each) {
    return std::find(addresses.begin(), addresses.end(), each.ip) != addresses.end();
  });
}

// Not those of nodes: the proxies themselves answer health checks there.
std::set<NodePort> PortsOfBalancer(const core_v1::Service& service) {
  std::set<NodePort> ports;
  if (!IsNodeLoadBalancer(service)) return ports;
  const BalancedPorts balanced(service);
  for (const auto& port : service.spec.ports) {
    if (!balanced.Has(port)) continue;
    ports.emplace(port.protocol.empty() ? "TCP" : port.protocol, port.port);
  }
  return ports;
}

}  // namespace

std::set<NodePort> PortsGiven(const core_v1::Service* before, const core_v1::Service& now,
                              const std::vector<std::string>& addresses) {
  if (!HasAddressOf(now, addresses)) return {};
  std::set<NodePort> ports = PortsOfBalancer(now);
  if (before == nullptr || !HasAddressOf(*before, addresses)) return ports;
  for (const NodePort& had : PortsOfBalancer(*before)) ports.erase(had);
  return ports;
}

ShadowedPorts::ShadowedPorts(std::string node_name, std::vector<std::string> addresses,
                             Dependencies dependencies)
    : node_name_(std::move(node_name)),
      addresses_(std::move(addresses)),
      dependencies_(std::move(dependencies)) {
  Informer<core_v1::Service> services = dependencies_.services;
  services.OnChange([this](const Ptr<core_v1::Service>& before, const Ptr<core_v1::Service>& now) {
    if (now) Look(before.get(), *now);
  });
}

void ShadowedPorts::Look(const core_v1::Service* before, const core_v1::Service& now) {
  const std::set<NodePort> given = PortsGiven(before, now, addresses_);
  if (given.empty()) return;
  const std::set<NodePort> listened = dependencies_.listened();
  for (const NodePort& port : given) {
    if (!listened.contains(port)) continue;
    dependencies_.events.Warning(
        now, "PortShadowed",
        fmt::format("a program listens at {} of node {}, and is reached there from outside no more",
                    PortText(port), node_name_));
  }
}

}  // namespace skiff
