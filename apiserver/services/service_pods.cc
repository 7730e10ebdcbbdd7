#include "apiserver/services/service_pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/rules/core/ip.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// Whether the address is one of a pod of that namespace: whoever may write Endpoints shall not lead
// the server anywhere else.
bool IsPodOf(Store& store, const std::string& namespace_name,
             const core_v1::EndpointAddress& address) {
  if (!address.target_ref || address.target_ref->namespace_ != namespace_name) return false;
  const auto pod = ReadTyped<core_v1::Pod>(store, namespace_name, address.target_ref->name);
  if (!pod) return false;
  const auto& ips = (*pod)->status.pod_ips;
  return std::any_of(ips.begin(), ips.end(), [&](const auto& ip) { return ip.ip == address.ip; });
}

}  // namespace

std::optional<http::Upstream> PodBehind(const ServicePodParts& parts,
                                        const core_v1::Endpoints& endpoints,
                                        const std::string& port_name) {
  std::vector<std::pair<const core_v1::EndpointAddress*, int>> candidates;
  for (const auto& subset : endpoints.subsets) {
    for (const auto& port : subset.ports) {
      if (port.name != port_name) continue;
      for (const auto& address : subset.addresses) candidates.emplace_back(&address, port.port);
    }
  }
  const size_t count = candidates.size();
  const size_t first = count == 0 ? 0 : static_cast<size_t>(parts.random.Below(count));
  for (size_t tried = 0; tried < count; ++tried) {
    const auto& [address, port] = candidates[(first + tried) % count];
    if (!IsPodOf(parts.store, endpoints.metadata.namespace_, *address)) continue;
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

Result<http::Upstream> UpstreamOfService(const ServicePodParts& parts,
                                         const std::string& namespace_name, const std::string& name,
                                         int port_number) {
  const auto service = ReadTyped<core_v1::Service>(parts.store, namespace_name, name);
  if (!service) {
    return Fail(Reason::kNotFound, fmt::format("service {} not found", Quoted(name)));
  }
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
  const auto port = std::find_if(spec.ports.begin(), spec.ports.end(),
                                 [&](const auto& each) { return each.port == port_number; });
  if (port == spec.ports.end()) {
    return Fail(Reason::kServiceUnavailable,
                fmt::format("no service port {} found for service {}", port_number, Quoted(name)));
  }
  const auto endpoints = ReadTyped<core_v1::Endpoints>(parts.store, namespace_name, name);
  if (endpoints) {
    if (auto pod = PodBehind(parts, **endpoints, port->name)) return std::move(*pod);
  }
  const auto cluster_ip = ParseIp(spec.cluster_ip);
  upstream.host = cluster_ip ? cluster_ip->Text() : spec.cluster_ip;
  upstream.port = port->port;
  return upstream;
}

}  // namespace skiff
