// What the schema cannot say about an EndpointSlice.
#include <set>

#include "api/gen/discovery_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using discovery_v1::EndpointSlice;

void SetDefaults(EndpointSlice& object) {
  for (auto& port : object.ports) {
    Default(port.name, "");
    Default(port.protocol, "TCP");
  }
}

// Topology came as labels before there were fields for node and zone.
void DropTopology(EndpointSlice& object) {
  for (auto& endpoint : object.endpoints) endpoint.deprecated_topology.clear();
}

void Create(EndpointSlice& object) {
  object.metadata.generation = 1;
  DropTopology(object);
}

// Everything but metadata counts as spec, and labels do too.
bool SameContent(const EndpointSlice& a, const EndpointSlice& b) {
  return a.address_type == b.address_type && a.endpoints == b.endpoints && a.ports == b.ports &&
         a.metadata.labels == b.metadata.labels;
}

void Update(EndpointSlice& object, const EndpointSlice& old) {
  MoveGeneration(object, old, !SameContent(object, old));
  if (!(object.endpoints == old.endpoints)) DropTopology(object);
}

using discovery_v1::Endpoint;

constexpr size_t kPortsMax = 20'000;
constexpr size_t kEndpointsMax = 1'000;
constexpr size_t kAddressesMax = 100;
constexpr size_t kTopologyMax = 16;
constexpr size_t kHintsMax = 8;

void ValidatePorts(const EndpointSlice& object, Violations& out) {
  const FieldPath path("ports");
  if (object.ports.size() > kPortsMax) return out.TooMany(path, object.ports.size(), kPortsMax);
  std::set<std::string> names;
  for (size_t i = 0; i < object.ports.size(); ++i) {
    const auto& port = object.ports[i];
    const FieldPath at = path.Index(i);
    const std::string name = port.name.value_or("");
    if (!name.empty()) CheckFormat(Dns1123LabelErrors, name, at.Child("name"), out);
    if (!names.insert(name).second) out.Duplicate(at.Child("name"), name);
    if (!port.protocol) {
      out.Required(at.Child("protocol"));
    } else {
      CheckOneOf(*port.protocol, {"SCTP", "TCP", "UDP"}, at.Child("protocol"), out);
    }
    if (port.app_protocol) {
      CheckFormat(LabelKeyErrors, *port.app_protocol, at.Child("appProtocol"), out);
    }
  }
}

void ValidateAddress(const std::string& address, const std::string& type, const FieldPath& path,
                     size_t index, Violations& out) {
  const FieldPath at = path.Index(index);
  if (type == "FQDN") return ValidateFullyQualifiedDomainName(address, at, out);
  const bool v6 = type == "IPv6";
  const Messages errors = v6 ? StrictIpErrors(address) : LegacyIpErrors(address);
  if (!errors.empty()) return out.InvalidEach(at, address, errors);
  const auto parsed = ParseIp(address);
  if (!parsed) return;
  if (parsed->v6 != v6) {
    out.Invalid(path, address, v6 ? "must be an IPv6 address" : "must be an IPv4 address");
  }
  ValidateEndpointIp(address, at, out);
}

template <typename Hint>
void ValidateHints(const std::vector<Hint>& hints, Format format, const FieldPath& path,
                   Violations& out) {
  if (hints.size() > kHintsMax) return out.TooMany(path, hints.size(), kHintsMax);
  std::set<std::string_view> names;
  for (size_t i = 0; i < hints.size(); ++i) {
    const FieldPath at = path.Index(i).Child("name");
    if (!names.insert(hints[i].name).second) out.Duplicate(at, hints[i].name);
    CheckFormat(format, hints[i].name, at, out);
  }
}

void ValidateEndpoint(const Endpoint& endpoint, const std::string& type, const FieldPath& path,
                      Violations& out) {
  const FieldPath addresses = path.Child("addresses");
  if (endpoint.addresses.empty()) {
    out.Required(addresses, "must contain at least 1 address");
  } else if (endpoint.addresses.size() > kAddressesMax) {
    out.TooMany(addresses, endpoint.addresses.size(), kAddressesMax);
  }
  if (IsOneOf(type, {"FQDN", "IPv4", "IPv6"})) {
    for (size_t i = 0; i < endpoint.addresses.size(); ++i) {
      ValidateAddress(endpoint.addresses[i], type, addresses, i, out);
    }
  }
  if (endpoint.node_name) {
    CheckFormat(Dns1123SubdomainErrors, *endpoint.node_name, path.Child("nodeName"), out);
  }
  if (endpoint.deprecated_topology.size() > kTopologyMax) {
    out.TooMany(path.Child("deprecatedTopology"), endpoint.deprecated_topology.size(),
                kTopologyMax);
  }
  ValidateLabels(endpoint.deprecated_topology, path.Child("deprecatedTopology"), out);
  if (endpoint.hostname) {
    CheckFormat(Dns1123LabelErrors, *endpoint.hostname, path.Child("hostname"), out);
  }
  if (!endpoint.hints) return;
  const FieldPath hints = path.Child("hints");
  ValidateHints(endpoint.hints->for_zones, LabelValueErrors, hints.Child("forZones"), out);
  if (endpoint.hints->for_zones.size() > kHintsMax) return;
  ValidateHints(endpoint.hints->for_nodes, Dns1123SubdomainErrors, hints.Child("forNodes"), out);
}

void ValidateEndpoints(const EndpointSlice& object, Violations& out) {
  const FieldPath path("endpoints");
  if (object.endpoints.size() > kEndpointsMax) {
    return out.TooMany(path, object.endpoints.size(), kEndpointsMax);
  }
  for (size_t i = 0; i < object.endpoints.size(); ++i) {
    ValidateEndpoint(object.endpoints[i], object.address_type, path.Index(i), out);
  }
}

void Validate(const EndpointSlice& object, const EndpointSlice* old, Violations& out) {
  RequireOneOf(object.address_type, {"FQDN", "IPv4", "IPv6"}, FieldPath("addressType"), out);
  ValidatePorts(object, out);
  // Endpoints that an update leaves alone are not looked at again.
  if (old == nullptr || !(object.endpoints == old->endpoints)) ValidateEndpoints(object, out);
}

void ValidateCreate(const EndpointSlice& object, Violations& out) {
  Validate(object, nullptr, out);
}

void ValidateUpdate(const EndpointSlice& object, const EndpointSlice& old, Violations& out) {
  Validate(object, &old, out);
  ValidateImmutable(object.address_type, old.address_type, FieldPath("addressType"), out);
}

// The server's own controllers are not told how to write addresses.
bool IsOwnSlice(const EndpointSlice& object) {
  const auto manager = object.metadata.labels.find("endpointslice.kubernetes.io/managed-by");
  return manager != object.metadata.labels.end() &&
         IsOneOf(manager->second,
                 {"endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"});
}

void Warn(const EndpointSlice& object, const EndpointSlice* old, std::vector<std::string>& out) {
  if (old == nullptr && object.address_type == "FQDN") {
    out.emplace_back("spec.addressType: FQDN endpoints are deprecated");
  }
  if (object.address_type == "FQDN" || IsOwnSlice(object)) return;
  for (size_t i = 0; i < object.endpoints.size(); ++i) {
    const auto& addresses = object.endpoints[i].addresses;
    for (size_t j = 0; j < addresses.size(); ++j) {
      const auto more = LegacyIpWarnings(
          FieldPath("endpoints").Index(i).Child("addresses").Index(j), addresses[j]);
      out.insert(out.end(), more.begin(), more.end());
    }
  }
}

}  // namespace

constexpr RulesOf<EndpointSlice> kTypedEndpointSliceRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = Update,
    .validate = ValidateCreate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kEndpointSliceRules = Erase<kTypedEndpointSliceRules>();

}  // namespace skiff
