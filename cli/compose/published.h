// Which ports a project cannot publish, as another Service serves them at the nodes. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api/values.h"

namespace skiff::cli::compose {

// Whether the object is a Service that publishes ports.
bool IsPublishing(const Json& object);

// Where a project is: what it has itself is not in its way.
struct ProjectPlace {
  std::string project;
  std::string namespace_;
};

// A sentence for each port of `service` that one of `services`, of all namespaces, has at one of
// `node_addresses`: which port, whose it is, and what may be done. Load balancers beside the nodes
// give each Service an address of its own; these are nobody's hindrance.
std::vector<std::string> PortsTaken(const Json& service, const ProjectPlace& place,
                                    const std::vector<Json>& services,
                                    const std::set<std::string>& node_addresses);

// Whether a Service has addresses, and is served there at all its ports.
bool HasItsPorts(const Json& service);
// `wanted` with those of its ports alone that it was not given yet, as it is there by now. A load
// balancer of nodes takes all its addresses where one of these is somebody else's.
Json WithPortsToGet(Json wanted, const Json& live);

// Whether an event that says why the Service has no address is of the ports that it has now.
bool IsOfItsPorts(const std::string& said, const Json& service);

// Addresses of nodes, as Services have them.
std::set<std::string> AddressesOf(const std::vector<Json>& nodes);

}  // namespace skiff::cli::compose
