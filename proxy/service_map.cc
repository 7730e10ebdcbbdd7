#include "proxy/service_map.h"

#include <algorithm>
#include <optional>
#include <set>

#include "api/rules/core/ip.h"
#include "api/rules/network/balanced_ports.h"
#include "base/text.h"

namespace skiff::proxy {
namespace {

constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";
constexpr std::string_view kHeadlessLabel = "service.kubernetes.io/headless";
constexpr std::string_view kOtherProxyLabel = "service.kubernetes.io/service-proxy-name";

bool HasLabel(const meta_v1::ObjectMeta& metadata, std::string_view label) {
  return metadata.labels.contains(std::string(label));
}

// What the API keeps may be written in ways that tools of the kernel refuse, or read otherwise
// ("010.0.0.1" is 8.0.0.1 to them): rules hold the one canonical text of what Kubernetes reads
// there. Both are "" for what is of the other family, and for what cannot be read, which is noted.
std::string AddressText(const std::string& text, IpFamily family, Unreadable& unreadable) {
  const auto address = ParseIp(text);
  if (!address) unreadable.insert(text);
  return address && address->v6 == (family == IpFamily::kIpv6) ? address->Text() : "";
}

std::string RangeText(const std::string& text, IpFamily family, Unreadable& unreadable) {
  const auto range = ParseCidr(WithoutBlanks(text));
  if (!range) unreadable.insert(text);
  if (!range || range->address.v6 != (family == IpFamily::kIpv6)) return "";
  return Cidr{range->Network(), range->prefix_length}.Text();
}

std::vector<std::string> AddressTexts(const std::vector<std::string>& texts, IpFamily family,
                                      Unreadable& unreadable) {
  std::vector<std::string> out;
  for (const std::string& text : texts) {
    std::string address = AddressText(text, family, unreadable);
    if (!address.empty()) out.push_back(std::move(address));
  }
  return out;
}

// What a slice says of a port.
struct SlicePort {
  const discovery_v1::EndpointSlice* slice;
  int number;
};
// Of one service, by port name and protocol.
using SlicesByPort = std::map<std::string, std::vector<SlicePort>>;

void AddSlice(const discovery_v1::EndpointSlice& slice, SlicesByPort& out) {
  for (const auto& port : slice.ports) {
    if (!port.port) continue;
    const std::string key = port.name.value_or("") + "/" + Lower(port.protocol.value_or("TCP"));
    out[key].push_back({&slice, *port.port});
  }
}

// Those of one port, each address once.
std::map<std::string, ServiceEndpoint> EndpointsOf(const std::vector<SlicePort>& ports,
                                                   const NodeFacts& node, Unreadable& unreadable) {
  std::map<std::string, ServiceEndpoint> out;
  for (const SlicePort& port : ports) {
    for (const auto& endpoint : port.slice->endpoints) {
      if (endpoint.addresses.empty()) continue;
      ServiceEndpoint made;
      made.ip = AddressText(endpoint.addresses[0], node.family, unreadable);
      if (made.ip.empty()) continue;
      made.port = port.number;
      made.is_local = endpoint.node_name && *endpoint.node_name == node.name;
      made.ready = endpoint.conditions.ready.value_or(true);
      made.serving = endpoint.conditions.serving.value_or(true);
      made.terminating = endpoint.conditions.terminating.value_or(false);
      if (endpoint.hints) {
        for (const auto& zone : endpoint.hints->for_zones) made.zone_hints.push_back(zone.name);
        for (const auto& name : endpoint.hints->for_nodes) made.node_hints.push_back(name.name);
      }
      out.emplace(made.Address(), std::move(made));
    }
  }
  return out;
}

bool Names(const std::vector<std::string>& hints, const std::string& wanted) {
  return std::find(hints.begin(), hints.end(), wanted) != hints.end();
}

// Keeps traffic on the node, or in the zone, when all ready endpoints carry hints and one of them
// names it. One endpoint without a hint turns that off.
void FilterByTopology(const NodeFacts& node, std::vector<ServiceEndpoint>& ready) {
  const auto applies = [&](auto hints_of, const std::string& name) {
    bool named = false;
    for (const ServiceEndpoint& endpoint : ready) {
      if (hints_of(endpoint).empty()) return false;
      named |= Names(hints_of(endpoint), name);
    }
    return named;
  };
  const auto node_hints = [](const ServiceEndpoint& e) -> const auto& {
    return e.node_hints;
  };
  const auto zone_hints = [](const ServiceEndpoint& e) -> const auto& {
    return e.zone_hints;
  };
  if (!ready.empty() && applies(node_hints, node.name)) {
    std::erase_if(ready, [&](const auto& e) { return !Names(e.node_hints, node.name); });
  } else if (!ready.empty() && !node.zone.empty() && applies(zone_hints, node.zone)) {
    std::erase_if(ready, [&](const auto& e) { return !Names(e.zone_hints, node.zone); });
  }
}

void ChooseEndpoints(const std::map<std::string, ServiceEndpoint>& all, const NodeFacts& node,
                     ServicePortRules& out) {
  std::vector<ServiceEndpoint> ready, draining;
  for (const auto& [address, endpoint] : all) {
    if (out.protocol == "udp" && endpoint.serving) out.serving.push_back(address);
    if (endpoint.ready) {
      ready.push_back(endpoint);
    } else if (endpoint.serving && endpoint.terminating) {
      draining.push_back(endpoint);
    }
  }
  out.has_endpoints = !ready.empty() || !draining.empty();
  const auto local = [](const std::vector<ServiceEndpoint>& endpoints) {
    std::vector<ServiceEndpoint> on_node;
    std::copy_if(endpoints.begin(), endpoints.end(), std::back_inserter(on_node),
                 [](const auto& endpoint) { return endpoint.is_local; });
    return on_node;
  };
  out.local_endpoints = local(ready);
  if (out.local_endpoints.empty()) out.local_endpoints = local(draining);
  FilterByTopology(node, ready);
  out.cluster_endpoints = ready.empty() ? draining : ready;
}

// Leaves so many of them, from the `first` on and around; sorted.
void Cut(std::vector<ServiceEndpoint>& endpoints, size_t first, size_t most) {
  if (endpoints.size() <= most) return;
  std::ranges::rotate(endpoints,
                      endpoints.begin() + static_cast<ptrdiff_t>(first % endpoints.size()));
  endpoints.resize(most);
  std::ranges::sort(endpoints, {}, &ServiceEndpoint::Address);
}

// Port after port has other endpoints, so that all of them have something to do.
void CutToShare(size_t port, size_t most, ServicePortRules& out) {
  const size_t before = out.cluster_endpoints.size() + out.local_endpoints.size();
  Cut(out.cluster_endpoints, port * most, most);
  Cut(out.local_endpoints, port * most, most);
  out.is_cut = out.cluster_endpoints.size() + out.local_endpoints.size() < before;
  if (!out.is_cut || out.serving.empty()) return;
  std::set<std::string> kept;
  for (const auto* endpoints : {&out.cluster_endpoints, &out.local_endpoints}) {
    for (const ServiceEndpoint& endpoint : *endpoints) kept.insert(endpoint.Address());
  }
  out.serving.assign(kept.begin(), kept.end());
}

// Where a service is reached from outside, and by whom: the same at each of its ports.
struct OutsideAddresses {
  std::vector<std::string> external_ips;
  std::vector<std::string> load_balancer_ips;
  std::vector<std::string> source_ranges;
  bool is_cut = false;
};

void CutToShare(size_t ports, OutsideAddresses& out) {
  const size_t most = std::max<size_t>(kAddressesOfAServiceMax / std::max<size_t>(ports, 1), 1);
  for (auto* each : {&out.external_ips, &out.load_balancer_ips, &out.source_ranges}) {
    if (each->size() <= most) continue;
    each->resize(most);
    out.is_cut = true;
  }
}

OutsideAddresses OutsideOf(const core_v1::Service& service, IpFamily family,
                           Unreadable& unreadable) {
  const core_v1::ServiceSpec& spec = service.spec;
  OutsideAddresses out;
  out.external_ips = AddressTexts(spec.external_ips, family, unreadable);
  Unreadable ranges;
  for (const std::string& text : spec.load_balancer_source_ranges) {
    std::string range = RangeText(text, family, ranges);
    if (!range.empty()) out.source_ranges.push_back(std::move(range));
  }
  const bool names_no_range = out.source_ranges.empty() && !ranges.empty();
  unreadable.merge(ranges);
  for (const auto& ingress : service.status.load_balancer.ingress) {
    const bool is_proxied = ingress.ip_mode && *ingress.ip_mode == "Proxy";
    if (ingress.ip.empty() || is_proxied) continue;
    std::string ip = AddressText(ingress.ip, family, unreadable);
    if (!ip.empty()) out.load_balancer_ips.push_back(std::move(ip));
  }
  // No range at all would let everybody in.
  if (names_no_range) out.load_balancer_ips.clear();
  CutToShare(spec.ports.size(), out);
  return out;
}

ServicePortRules PortRules(const core_v1::Service& service, const core_v1::ServicePort& port,
                           const std::string& cluster_ip, const OutsideAddresses& outside) {
  const core_v1::ServiceSpec& spec = service.spec;
  ServicePortRules rules;
  rules.name = service.metadata.namespace_ + "/" + service.metadata.name +
               (port.name.empty() ? "" : ":" + port.name);
  rules.protocol = Lower(port.protocol.empty() ? "TCP" : port.protocol);
  rules.cluster_ip = cluster_ip;
  rules.port = port.port;
  rules.node_port = port.node_port;
  rules.external_ips = outside.external_ips;
  rules.load_balancer_ips = outside.load_balancer_ips;
  rules.source_ranges = outside.source_ranges;
  if (spec.session_affinity == "ClientIP") {
    rules.affinity_seconds = 10800;
    if (spec.session_affinity_config && spec.session_affinity_config->client_ip &&
        spec.session_affinity_config->client_ip->timeout_seconds) {
      rules.affinity_seconds = *spec.session_affinity_config->client_ip->timeout_seconds;
    }
  }
  rules.internal_local = spec.internal_traffic_policy.value_or("") == "Local";
  rules.external_local = spec.external_traffic_policy == "Local";
  if (rules.external_local) rules.health_check_node_port = spec.health_check_node_port;
  return rules;
}

// So many endpoints each port may have, of `most` in all; unset: all of them.
std::optional<size_t> ShareOf(size_t ports, const SlicesByPort& by_port, size_t most) {
  size_t all = 0;
  for (const auto& [port, slices] : by_port) {
    for (const SlicePort& each : slices) all += each.slice->endpoints.size();
  }
  if (all <= most) return std::nullopt;
  return std::max<size_t>(most / std::max<size_t>(ports, 1), 1);
}

std::string NamespaceIn(const std::string& service) {
  return service.substr(0, service.find('/'));
}

size_t AmountIn(const std::map<std::string, size_t>& amounts, const std::string& key) {
  const auto found = amounts.find(key);
  return found == amounts.end() ? 0 : found->second;
}

void PutAmount(std::map<std::string, size_t>& amounts, const std::string& key, size_t amount) {
  if (amount == 0) {
    amounts.erase(key);
  } else {
    amounts[key] = amount;
  }
}

std::string ClusterIpOf(const core_v1::ServiceSpec& spec, IpFamily family, Unreadable& unreadable) {
  const std::vector<std::string> candidates =
      spec.cluster_ips.empty() ? std::vector<std::string>{spec.cluster_ip} : spec.cluster_ips;
  for (const std::string& text : candidates) {
    if (text.empty() || text == "None") continue;
    std::string ip = AddressText(text, family, unreadable);
    if (!ip.empty()) return ip;
  }
  return "";
}

}  // namespace

std::string ServiceEndpoint::Address() const {
  const bool is_ipv6 = ip.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

std::string ServiceOf(const discovery_v1::EndpointSlice& slice) {
  const auto label = slice.metadata.labels.find(std::string(kServiceNameLabel));
  if (label == slice.metadata.labels.end() || HasLabel(slice.metadata, kHeadlessLabel)) return "";
  return slice.metadata.namespace_ + "/" + label->second;
}

ServiceMap BuildServicePorts(const core_v1::Service& service, const std::vector<SlicePtr>& slices,
                             const NodeFacts& node, Unreadable* unreadable, size_t endpoints_max) {
  Unreadable ignored;
  Unreadable& noted = unreadable != nullptr ? *unreadable : ignored;
  const std::string cluster_ip = ClusterIpOf(service.spec, node.family, noted);
  if (cluster_ip.empty() || service.spec.type == "ExternalName" ||
      HasLabel(service.metadata, kHeadlessLabel) || HasLabel(service.metadata, kOtherProxyLabel)) {
    return {};
  }
  SlicesByPort by_port;
  for (const SlicePtr& slice : slices) {
    if (slice->address_type == (node.family == IpFamily::kIpv6 ? "IPv6" : "IPv4")) {
      AddSlice(*slice, by_port);
    }
  }
  const std::optional<size_t> share = ShareOf(service.spec.ports.size(), by_port, endpoints_max);
  ServiceMap map;
  const OutsideAddresses outside = OutsideOf(service, node.family, noted);
  const BalancedPorts balanced(service);
  size_t number = 0;
  for (const auto& port : service.spec.ports) {
    ServicePortRules rules = PortRules(service, port, cluster_ip, outside);
    if (!balanced.Has(port)) rules.load_balancer_ips.clear();
    const auto found = by_port.find(port.name + "/" + rules.protocol);
    if (found != by_port.end()) {
      ChooseEndpoints(EndpointsOf(found->second, node, noted), node, rules);
    }
    if (share) CutToShare(number++, *share, rules);
    rules.is_cut |= outside.is_cut;
    std::string key = rules.name + "/" + rules.protocol;
    map.emplace(std::move(key), std::move(rules));
  }
  return map;
}

size_t EndpointRoom::Left(const std::string& service) const {
  const size_t all = AmountIn(of_namespaces_, NamespaceIn(service));
  const size_t others = all - AmountIn(of_services_, service);
  return std::min(kEndpointsOfAServiceMax, namespace_max_ - std::min(others, namespace_max_));
}

void EndpointRoom::Take(const std::string& service, const ServiceMap& ports) {
  size_t now = 0;
  for (const auto& [key, port] : ports) {
    now += port.cluster_endpoints.size() + port.local_endpoints.size();
  }
  const bool is_cut =
      std::ranges::any_of(ports, [](const auto& each) { return each.second.is_cut; });
  if (is_cut) {
    cut_[service] = Left(service);
  } else {
    cut_.erase(service);
  }
  const std::string space = NamespaceIn(service);
  const size_t before = AmountIn(of_services_, service);
  PutAmount(of_namespaces_, space, AmountIn(of_namespaces_, space) - before + now);
  PutAmount(of_services_, service, now);
}

bool EndpointRoom::HasGrown(const std::string& service) const {
  const auto cut = cut_.find(service);
  if (cut == cut_.end()) return false;
  // All of its rules are written again: not for each endpoint of its namespace that comes and goes.
  const size_t least = std::max<size_t>(1, AmountIn(of_services_, service) / 8);
  return Left(service) >= cut->second + least;
}

std::vector<std::string> EndpointRoom::Grown() const {
  std::vector<std::string> grown;
  for (const auto& [service, room] : cut_) {
    if (HasGrown(service)) grown.push_back(service);
  }
  return grown;
}

ServiceMap BuildServiceMap(const std::vector<ServicePtr>& services,
                           const std::vector<SlicePtr>& slices, const NodeFacts& node) {
  std::map<std::string, std::vector<SlicePtr>> by_service;
  for (const SlicePtr& slice : slices) {
    const std::string service = ServiceOf(*slice);
    if (!service.empty()) by_service[service].push_back(slice);
  }
  ServiceMap map;
  for (const ServicePtr& service : services) {
    map.merge(BuildServicePorts(
        *service, by_service[service->metadata.namespace_ + "/" + service->metadata.name], node));
  }
  return map;
}

}  // namespace skiff::proxy
