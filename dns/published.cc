#include "dns/published.h"

#include <algorithm>
#include <charconv>

#include "api/rules/core/ip.h"

namespace skiff::dns {
namespace {

constexpr int kServicePort = 53;
constexpr uint8_t kTenth = 10;
constexpr char kServiceNameLabel[] = "kubernetes.io/service-name";
constexpr char kManagedByLabel[] = "endpointslice.kubernetes.io/managed-by";
constexpr char kManager[] = "skiff";
constexpr char kZoneLabel[] = "topology.kubernetes.io/zone";

struct DnsPort {
  const char* name;
  const char* protocol;
};
constexpr DnsPort kPorts[] = {{"dns", "UDP"}, {"dns-tcp", "TCP"}};

IpAddress Plus(IpAddress address, uint8_t number) {
  unsigned carry = number;
  for (size_t i = address.bit_count() / 8; i > 0 && carry > 0; --i) {
    carry += address.bytes[i - 1];
    address.bytes[i - 1] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return address;
}

std::optional<int> PortOf(const core_v1::Node& node) {
  const auto said = node.metadata.annotations.find(kDnsPortAnnotation);
  if (said == node.metadata.annotations.end()) return std::nullopt;
  const char* const end = said->second.data() + said->second.size();
  int port = 0;
  const auto [read, error] = std::from_chars(said->second.data(), end, port);
  if (error != std::errc() || read != end || port < 1 || port > 65535) return std::nullopt;
  return port;
}

// By which pods reach the node: its own address, or, when that reaches no other machine, the one of
// the bridge that its pods hang on.
std::optional<IpAddress> AddressOf(const core_v1::Node& node) {
  for (const auto& each : node.status.addresses) {
    if (each.type != "InternalIP") continue;
    if (!each.address.starts_with("127.")) return ParseIp(each.address);
    if (node.spec.pod_cidrs.empty()) return std::nullopt;
    const auto cidr = ParseCidr(node.spec.pod_cidrs.front());
    if (!cidr) return std::nullopt;
    return Plus(cidr->Network(), 1);
  }
  return std::nullopt;
}

bool IsReady(const core_v1::Node& node) {
  const auto& conditions = node.status.conditions;
  return std::any_of(conditions.begin(), conditions.end(), [](const auto& condition) {
    return condition.type == "Ready" && condition.status == "True";
  });
}

discovery_v1::Endpoint EndpointOn(const core_v1::Node& node, const IpAddress& address) {
  const bool ready = IsReady(node);
  discovery_v1::Endpoint endpoint;
  endpoint.addresses = {address.Text()};
  endpoint.conditions.ready = ready;
  endpoint.conditions.serving = ready;
  endpoint.conditions.terminating = false;
  endpoint.node_name = node.metadata.name;
  auto& hints = endpoint.hints.Ensure();
  hints.for_nodes.emplace_back().name = node.metadata.name;
  const auto zone = node.metadata.labels.find(kZoneLabel);
  if (zone != node.metadata.labels.end()) {
    endpoint.zone = zone->second;
    hints.for_zones.emplace_back().name = zone->second;
  }
  return endpoint;
}

}  // namespace

std::string ClusterDnsAddress(const std::string& service_cidr) {
  const auto cidr = ParseCidr(service_cidr);
  if (!cidr) return "";
  const IpAddress address = Plus(cidr->Network(), kTenth);
  return cidr->Contains(address) ? address.Text() : "";
}

core_v1::Service WantedService(const std::string& address) {
  core_v1::Service service;
  service.metadata.namespace_ = kDnsNamespace;
  service.metadata.name = kDnsService;
  service.metadata.labels = {{"k8s-app", "kube-dns"},
                             {"kubernetes.io/cluster-service", "true"},
                             {"kubernetes.io/name", "CoreDNS"}};
  service.spec.cluster_ip = address;
  service.spec.traffic_distribution = "PreferSameNode";
  for (const DnsPort& port : kPorts) {
    core_v1::ServicePort made;
    made.name = port.name;
    made.protocol = port.protocol;
    made.port = kServicePort;
    service.spec.ports.push_back(made);
  }
  return service;
}

std::optional<discovery_v1::EndpointSlice> WantedSlice(const core_v1::Node& node) {
  const auto port = PortOf(node);
  const auto address = AddressOf(node);
  if (!port || !address) return std::nullopt;
  discovery_v1::EndpointSlice slice;
  slice.metadata.namespace_ = kDnsNamespace;
  slice.metadata.name = kDnsService + ("-" + node.metadata.name);
  slice.metadata.labels = {{kServiceNameLabel, kDnsService}, {kManagedByLabel, kManager}};
  slice.address_type = address->v6 ? "IPv6" : "IPv4";
  slice.endpoints = {EndpointOn(node, *address)};
  for (const DnsPort& each : kPorts) {
    discovery_v1::EndpointPort made;
    made.name = each.name;
    made.protocol = each.protocol;
    made.port = *port;
    slice.ports.push_back(made);
  }
  return slice;
}

bool IsOwnSlice(const discovery_v1::EndpointSlice& slice) {
  const auto has = [&](const char* label, const char* value) {
    const auto found = slice.metadata.labels.find(label);
    return found != slice.metadata.labels.end() && found->second == value;
  };
  return slice.metadata.namespace_ == kDnsNamespace && has(kServiceNameLabel, kDnsService) &&
         has(kManagedByLabel, kManager);
}

}  // namespace skiff::dns
