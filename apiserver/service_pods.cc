#include "apiserver/service_pods.h"

#include <algorithm>
#include <vector>

#include "apiserver/node_connections.h"

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
    upstream.host = address->ip;
    upstream.port = port;
    if (address->node_name && parts.nodes != nullptr) {
      parts.nodes->Divert(*address->node_name, upstream);
    }
    return upstream;
  }
  return std::nullopt;
}

}  // namespace skiff
