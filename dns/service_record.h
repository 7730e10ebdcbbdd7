// From a Service and its EndpointSlices to what is known under its name. Pure.
#pragma once

#include <memory>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "dns/view.h"

namespace skiff::dns {

// nullptr when the service has no names at all, as one that waits for its cluster IP.
View::ServicePtr MakeServiceRecord(
    const core_v1::Service& service,
    const std::vector<std::shared_ptr<const discovery_v1::EndpointSlice>>& slices);

}  // namespace skiff::dns
