#include "cli/compose/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/compose/parts.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

using Port = std::pair<int64_t, std::string>;  // And its protocol.

Port PortOfEntry(const Json& entry) {
  const std::string protocol = TextAt(entry, "protocol");
  return {IntAt(entry, "port"), protocol.empty() ? "TCP" : protocol};
}

std::set<Port> PortsOf(const Json& service) {
  std::set<Port> ports;
  for (const Json& port : At(service, "spec", "ports")) ports.insert(PortOfEntry(port));
  return ports;
}

// At which the addresses that it has serve it: those that its status tells, or all where it tells
// none.
std::set<Port> GivenPorts(const Json& service) {
  const Json& addresses = At(service, "status", "loadBalancer", "ingress");
  if (addresses.empty()) return {};
  std::set<Port> told;
  for (const Json& given : addresses) {
    for (const Json& port : At(given, "ports")) told.insert(PortOfEntry(port));
  }
  std::set<Port> ports = PortsOf(service);
  if (told.empty()) return ports;
  std::erase_if(ports, [&](const Port& port) { return !told.contains(port); });
  return ports;
}

bool IsAtNodes(const Json& service, const std::set<std::string>& node_addresses) {
  for (const Json& given : At(service, "status", "loadBalancer", "ingress")) {
    if (node_addresses.contains(TextAt(given, "ip"))) return true;
  }
  return false;
}

bool IsOf(const Json& service, const ProjectPlace& place) {
  return NamespaceOf(service) == place.namespace_ &&
         TextAt(service, "metadata", "labels", kProjectLabel) == place.project;
}

std::string Sentence(const Port& port, const Json& holder) {
  const std::string project = TextAt(holder, "metadata", "labels", kProjectLabel);
  const std::string space = NamespaceOf(holder);
  const std::string of = project.empty() ? "" : "of the compose project " + project + " ";
  const std::string remedy =
      project.empty()
          ? fmt::format("delete it (skiff delete service {} -n {})", NameOf(holder), space)
          : fmt::format("take that down (skiff compose -p {} down -n {})", project, space);
  return fmt::format(
      "port {}/{} of the nodes is published by service \"{}\" {}in namespace {}: publish another "
      "port, or {}",
      port.first, port.second, NameOf(holder), of, space, remedy);
}

}  // namespace

bool IsPublishing(const Json& object) {
  return TextAt(object, "kind") == "Service" && TextAt(object, "spec", "type") == "LoadBalancer";
}

std::vector<std::string> PortsTaken(const Json& service, const ProjectPlace& place,
                                    const std::vector<Json>& services,
                                    const std::set<std::string>& node_addresses) {
  std::vector<std::string> taken;
  const std::set<Port> wanted = PortsOf(service);
  for (const Json& other : services) {
    if (!IsAtNodes(other, node_addresses) || IsOf(other, place)) continue;
    for (const Port& port : PortsOf(other)) {
      if (wanted.contains(port)) taken.push_back(Sentence(port, other));
    }
  }
  return taken;
}

bool HasItsPorts(const Json& service) {
  return !At(service, "status", "loadBalancer", "ingress").empty() &&
         GivenPorts(service) == PortsOf(service);
}

Json WithPortsToGet(Json wanted, const Json& live) {
  const std::set<Port> given = GivenPorts(live);
  Json left = Json::array();
  for (const Json& port : At(wanted, "spec", "ports")) {
    if (!given.contains(PortOfEntry(port))) left.push_back(port);
  }
  wanted["spec"]["ports"] = std::move(left);
  return wanted;
}

bool IsOfItsPorts(const std::string& said, const Json& service) {
  constexpr std::string_view kBegin = "Error syncing load balancer: port ";
  if (!said.starts_with(kBegin)) return true;
  const auto ports = PortsOf(service);
  return std::any_of(ports.begin(), ports.end(), [&](const Port& port) {
    return said.substr(kBegin.size()).starts_with(fmt::format("{}/{} ", port.first, port.second));
  });
}

std::set<std::string> AddressesOf(const std::vector<Json>& nodes) {
  std::set<std::string> addresses;
  for (const Json& node : nodes) {
    for (const Json& each : At(node, "status", "addresses")) {
      const std::string type = TextAt(each, "type");
      if (type == "InternalIP" || type == "ExternalIP") addresses.insert(TextAt(each, "address"));
    }
  }
  return addresses;
}

}  // namespace skiff::cli::compose
