// The EndpointSlices of a service: who is behind it, whoever wrote them.
#pragma once

#include <string>
#include <vector>

#include "api/gen/discovery_v1.h"
#include "apiserver/storage/store.h"

namespace skiff {

Result<std::vector<discovery_v1::EndpointSlice>> SlicesOfService(Store& store,
                                                                 const std::string& namespace_name,
                                                                 const std::string& name);

bool IsReadyEndpoint(const discovery_v1::Endpoint& endpoint);
// The port of that name, which a port without a name has as well where it is "". nullptr: there is
// none that has a number.
const discovery_v1::EndpointPort* PortCalled(const discovery_v1::EndpointSlice& slice,
                                             const std::string& port_name);

}  // namespace skiff
