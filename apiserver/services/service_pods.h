// The pod that answers for a service, for whoever the server itself connects to it.
#pragma once

#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "apiserver/storage/store.h"
#include "base/id.h"
#include "http/client.h"

namespace skiff {

struct NodeConnections;

struct ServicePodParts {
  Store& store;
  Random& random;
  const NodeConnections* nodes;  // nullptr: no node is simulated.
  // --enable-aggregator-routing.
  bool to_endpoints = false;
};

// Where a service of these endpoints leads, through the port of that name. Which one is left to
// chance; those that are no pods are passed over.
std::optional<http::Upstream> PodBehind(const ServicePodParts& parts,
                                        const core_v1::Endpoints& endpoints,
                                        const std::string& port_name);

// Where the server itself reaches what a service offers at that port: a pod behind it where there
// is one, as for services/proxy; else an endpoint of its EndpointSlices, whoever wrote it. Never
// the service's own address: on a machine without a proxy that leads anywhere, and a proxy would
// lead it to the same endpoints. With `to_endpoints` it is any endpoint that is ready, and so a
// service without an address has one, too. Errors are those of kube-apiserver's resolvers. Without
// TLS.
Result<http::Upstream> UpstreamOfService(const ServicePodParts& parts,
                                         const std::string& namespace_name, const std::string& name,
                                         int port);

}  // namespace skiff
