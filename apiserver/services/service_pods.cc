#include "apiserver/services/service_pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/rules/core/ip.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/services/service_slices.h"

namespace skiff {
namespace {

// So many pods are asked for, for one connection, that are not there or do not have the address
// that is said of them.
constexpr size_t kPodsReadMax = 100;

// Says whether an address is one of a pod of that namespace: whoever may write Endpoints shall not
// lead the server anywhere else. As many addresses as fit into Endpoints may name the same pod, and
// that one be as large as an object gets: each is read once.
class PodsByName {
 public:
  PodsByName(Store& store, const std::string& namespace_name)
      : store_(store), namespace_(namespace_name) {}

  bool Have(const core_v1::EndpointAddress& address) {
    if (!address.target_ref || address.target_ref->namespace_ != namespace_) return false;
    return AddressesOf(address.target_ref->name).contains(address.ip);
  }
  bool AreTooMany() const { return read_ >= kPodsReadMax; }

 private:
  const std::set<std::string>& AddressesOf(const std::string& name) {
    const auto [known, is_new] = known_.try_emplace(name);
    if (!is_new) return known->second;
    ++read_;
    const auto pod = ReadTyped<core_v1::Pod>(store_, namespace_, name);
    if (!pod) return known->second;
    for (const auto& ip : (*pod)->status.pod_ips) known->second.insert(ip.ip);
    return known->second;
  }

  Store& store_;
  const std::string& namespace_;
  std::map<std::string, std::set<std::string>> known_;
  size_t read_ = 0;
};

// The addresses of a subset, at the port that was asked for. Of ports that are called the same the
// first is meant: all of them together with all addresses were more than fit into memory.
struct PortOfSubset {
  const core_v1::EndpointSubset* subset;
  int port;
};

std::vector<PortOfSubset> SubsetsWith(const core_v1::Endpoints& endpoints,
                                      const std::string& port_name) {
  std::vector<PortOfSubset> found;
  for (const auto& subset : endpoints.subsets) {
    const auto port = std::find_if(subset.ports.begin(), subset.ports.end(),
                                   [&](const auto& each) { return each.name == port_name; });
    if (port != subset.ports.end()) found.push_back({&subset, port->port});
  }
  return found;
}

}  // namespace

std::optional<http::Upstream> PodBehind(const ServicePodParts& parts,
                                        const core_v1::Endpoints& endpoints,
                                        const std::string& port_name) {
  std::vector<std::pair<const core_v1::EndpointAddress*, int>> candidates;
  for (const auto& [subset, port] : SubsetsWith(endpoints, port_name)) {
    for (const auto& address : subset->addresses) candidates.emplace_back(&address, port);
  }
  PodsByName pods(parts.store, endpoints.metadata.namespace_);
  const size_t count = candidates.size();
  const size_t first = count == 0 ? 0 : static_cast<size_t>(parts.random.Below(count));
  for (size_t tried = 0; tried < count && !pods.AreTooMany(); ++tried) {
    const auto& [address, port] = candidates[(first + tried) % count];
    if (!pods.Have(*address)) continue;
    http::Upstream upstream;
    const auto ip = ParseIp(address->ip);
    if (!ip) continue;
    upstream.host = ip->Text();  // Never what the system reads in another way.
    upstream.port = port;
    if (address->node_name && parts.nodes != nullptr) {
      parts.nodes->Divert(*address->node_name, upstream);
    }
    return upstream;
  }
  return std::nullopt;
}

namespace {

Error NoEndpoints(const std::string& name) {
  return {Reason::kServiceUnavailable,
          fmt::format("no endpoints available for service {}", Quoted(name))};
}

Result<const core_v1::ServicePort*> PortOf(const core_v1::Service& service, int port_number) {
  const auto& ports = service.spec.ports;
  const auto port = std::find_if(ports.begin(), ports.end(),
                                 [&](const auto& each) { return each.port == port_number; });
  if (port != ports.end()) return &*port;
  return Fail(Reason::kServiceUnavailable, fmt::format("no service port {} found for service {}",
                                                       port_number, Quoted(service.metadata.name)));
}

// Those that are ready; where there is none, as proxies do, those that serve to their end.
struct Candidates {
  using Candidate = std::pair<const discovery_v1::Endpoint*, int>;
  std::vector<Candidate> ready;
  std::vector<Candidate> ending;

  void Add(const discovery_v1::Endpoint& endpoint, int port) {
    if (endpoint.addresses.empty()) return;
    const auto& conditions = endpoint.conditions;
    if (IsReadyEndpoint(endpoint)) {
      ready.emplace_back(&endpoint, port);
    } else if (conditions.serving.value_or(false) && conditions.terminating.value_or(false)) {
      ending.emplace_back(&endpoint, port);
    }
  }
};

// Of the slices of a service; which one is left to chance. One that a proxy leads to has an
// address of numbers, and --enable-aggregator-routing takes a name as well.
Result<http::Upstream> EndpointOf(const ServicePodParts& parts, const core_v1::Service& service,
                                  const std::string& port_name) {
  const std::string& name = service.metadata.name;
  const auto slices = TRY(SlicesOfService(parts.store, service.metadata.namespace_, name));
  Candidates candidates;
  for (const auto& slice : slices) {
    if (!parts.to_endpoints && slice.address_type == "FQDN") continue;
    const auto* offered = PortCalled(slice, port_name);
    if (offered == nullptr) continue;
    for (const auto& endpoint : slice.endpoints) candidates.Add(endpoint, *offered->port);
  }
  const bool may_end = !parts.to_endpoints && candidates.ready.empty();
  const auto& found = may_end ? candidates.ending : candidates.ready;
  if (found.empty()) return Fail(NoEndpoints(name));
  const auto& [endpoint, number] = found[static_cast<size_t>(parts.random.Below(found.size()))];
  http::Upstream upstream;
  const auto ip = ParseIp(endpoint->addresses.front());
  upstream.host = ip ? ip->Text() : endpoint->addresses.front();
  upstream.port = number;
  if (endpoint->node_name && parts.nodes != nullptr) {
    parts.nodes->Divert(*endpoint->node_name, upstream);
  }
  return upstream;
}

// What --enable-aggregator-routing takes.
Result<http::Upstream> ReadyEndpoint(const ServicePodParts& parts, const core_v1::Service& service,
                                     int port_number) {
  const auto* port = TRY(PortOf(service, port_number));
  if (service.spec.type == "ExternalName") {
    return Fail(Reason::kInternalError, "unsupported service type \"ExternalName\"");
  }
  return EndpointOf(parts, service, port->name);
}

}  // namespace

Result<http::Upstream> UpstreamOfService(const ServicePodParts& parts,
                                         const std::string& namespace_name, const std::string& name,
                                         int port_number) {
  const auto service = ReadTyped<core_v1::Service>(parts.store, namespace_name, name);
  if (!service) {
    return Fail(Reason::kNotFound, fmt::format("service {} not found", Quoted(name)));
  }
  if (parts.to_endpoints) return ReadyEndpoint(parts, **service, port_number);
  const core_v1::ServiceSpec& spec = (*service)->spec;
  http::Upstream upstream;
  if (spec.type == "ExternalName") {
    upstream.host = spec.external_name;
    upstream.port = port_number;
    return upstream;
  }
  if (spec.cluster_ip == "None") {
    return Fail(Reason::kInternalError, "cannot route to service with ClusterIP \"None\"");
  }
  const auto* port = TRY(PortOf(**service, port_number));
  const auto endpoints = ReadTyped<core_v1::Endpoints>(parts.store, namespace_name, name);
  if (endpoints) {
    if (auto pod = PodBehind(parts, **endpoints, port->name)) return std::move(*pod);
  }
  return EndpointOf(parts, **service, port->name);
}

}  // namespace skiff
