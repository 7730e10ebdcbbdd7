#include "apiserver/aggregation/service_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/services/service_slices.h"

namespace skiff {
namespace {

using core_v1::Service;
using discovery_v1::EndpointSlice;

// Whether somebody is behind a port of that name; adds who to `fingerprint`.
bool HasAddresses(const std::vector<EndpointSlice>& slices, const std::string& port_name,
                  std::string& fingerprint) {
  bool any = false;
  for (const EndpointSlice& slice : slices) {
    if (PortCalled(slice, port_name) == nullptr) continue;  // Without a number it is any.
    for (const auto& port : slice.ports) fingerprint += fmt::format(" {}", port.port.value_or(0));
    for (const auto& endpoint : slice.endpoints) {
      if (!IsReadyEndpoint(endpoint)) continue;
      any = true;
      fingerprint += " " + endpoint.addresses.front();
    }
  }
  return any;
}

std::optional<Availability> FaultOfEndpoints(Store& store, const RemoteService& remote,
                                             const std::string& port_name,
                                             std::string& fingerprint) {
  const std::string space = Quoted(remote.service_namespace);
  const auto slices = SlicesOfService(store, remote.service_namespace, remote.service_name);
  if (!slices) {
    return Availability{"Unknown", "EndpointsAccessError",
                        fmt::format("service/{} in {} cannot be checked due to: {}",
                                    remote.service_name, space, slices.error().message)};
  }
  if (slices->empty()) {
    return Availability{"False", "EndpointsNotFound",
                        fmt::format("cannot find endpointslices for service/{} in {}",
                                    remote.service_name, space)};
  }
  if (HasAddresses(*slices, port_name, fingerprint)) return std::nullopt;
  return Availability{
      "False", "MissingEndpoints",
      fmt::format("endpointslices for service/{} in {} have no addresses with port name {}",
                  remote.service_name, space, Quoted(port_name))};
}

}  // namespace

Availability FailedDiscovery(const std::string& url, const std::string& why) {
  return {"False", "FailedDiscoveryCheck",
          fmt::format("failing or missing response from {}: {}", url, why)};
}

ServiceLook LookAtService(Store& store, const RemoteService& remote) {
  const std::string space = Quoted(remote.service_namespace);
  const auto service = ReadTyped<Service>(store, remote.service_namespace, remote.service_name);
  if (!service && service.error().reason == Reason::kNotFound) {
    return {Availability{
        "False", "ServiceNotFound",
        fmt::format("service/{} in {} is not present", remote.service_name, space)}, ""};
  }
  if (!service) {
    return {Availability{"Unknown", "ServiceAccessError",
                         fmt::format("service/{} in {} cannot be checked due to: {}",
                                     remote.service_name, space, service.error().message)}, ""};
  }
  const core_v1::ServiceSpec& spec = (*service)->spec;
  ServiceLook look;
  look.fingerprint = spec.type + " " + spec.cluster_ip + " " + spec.external_name;
  if (spec.type != "ClusterIP") return look;
  const auto port = std::find_if(spec.ports.begin(), spec.ports.end(),
                                 [&](const auto& each) { return each.port == remote.port; });
  if (port == spec.ports.end()) {
    look.fault = Availability{"False", "ServicePortError",
                              fmt::format("service/{} in {} is not listening on port {}",
                                          remote.service_name, space, remote.port)};
    return look;
  }
  look.fault = FaultOfEndpoints(store, remote, port->name, look.fingerprint);
  return look;
}

}  // namespace skiff
