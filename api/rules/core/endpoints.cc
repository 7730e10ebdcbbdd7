// What the schema cannot say about Endpoints.
#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

void SetDefaults(core_v1::Endpoints& object) {
  for (auto& subset : object.subsets) {
    for (auto& port : subset.ports) Default(port.protocol, "TCP");
  }
}

using core_v1::Endpoints;

void ValidateAddresses(const std::vector<core_v1::EndpointAddress>& addresses,
                       const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < addresses.size(); ++i) {
    const core_v1::EndpointAddress& address = addresses[i];
    const FieldPath at = path.Index(i);
    CheckIp(address.ip, at.Child("ip"), out);
    if (!address.hostname.empty()) {
      CheckFormat(Dns1123LabelErrors, address.hostname, at.Child("hostname"), out);
    }
    if (address.node_name) {
      CheckFormat(Dns1123SubdomainErrors, *address.node_name, at.Child("nodeName"), out);
    }
    if (ParseIp(address.ip)) {
      ValidateEndpointIp(address.ip, at.Child("ip"), out);
    } else {
      out.Invalid(at.Child("ip"), address.ip, "must be a valid IP address");
    }
  }
}

void ValidatePorts(const std::vector<core_v1::EndpointPort>& ports, const FieldPath& path,
                   Violations& out) {
  for (size_t i = 0; i < ports.size(); ++i) {
    const core_v1::EndpointPort& port = ports[i];
    const FieldPath at = path.Index(i);
    if (port.name.empty()) {
      if (ports.size() > 1) out.Required(at.Child("name"));
    } else {
      CheckFormat(Dns1123LabelErrors, port.name, at.Child("name"), out);
    }
    CheckPortNumber(port.port, at.Child("port"), out);
    RequireOneOf(port.protocol, {"SCTP", "TCP", "UDP"}, at.Child("protocol"), out);
    if (port.app_protocol) {
      CheckFormat(LabelKeyErrors, *port.app_protocol, at.Child("appProtocol"), out);
    }
  }
}

void ValidateSubsets(const Endpoints& object, Violations& out) {
  for (size_t i = 0; i < object.subsets.size(); ++i) {
    const auto& subset = object.subsets[i];
    const FieldPath at = FieldPath("subsets").Index(i);
    if (subset.addresses.empty() && subset.not_ready_addresses.empty()) {
      out.Required(at, "must specify `addresses` or `notReadyAddresses`");
    }
    ValidateAddresses(subset.addresses, at.Child("addresses"), out);
    ValidateAddresses(subset.not_ready_addresses, at.Child("notReadyAddresses"), out);
    ValidatePorts(subset.ports, at.Child("ports"), out);
  }
}

void Validate(const Endpoints& object, Violations& out) {
  ValidateSubsets(object, out);
}

// Addresses that an update leaves alone are not looked at again.
void ValidateUpdate(const Endpoints& object, const Endpoints& old, Violations& out) {
  if (!(object.subsets == old.subsets)) ValidateSubsets(object, out);
}

void Warn(const Endpoints& object, const Endpoints*, std::vector<std::string>& out) {
  // The server's own controller is not told how to write addresses.
  const auto manager = object.metadata.labels.find("endpoints.kubernetes.io/managed-by");
  if (manager != object.metadata.labels.end() && manager->second == "endpoint-controller") return;
  for (size_t i = 0; i < object.subsets.size(); ++i) {
    const FieldPath at = FieldPath("subsets").Index(i);
    const auto each = [&](const std::vector<core_v1::EndpointAddress>& list, const char* field) {
      for (size_t j = 0; j < list.size(); ++j) {
        const auto more = LegacyIpWarnings(at.Child(field).Index(j).Child("ip"), list[j].ip);
        out.insert(out.end(), more.begin(), more.end());
      }
    };
    each(object.subsets[i].addresses, "addresses");
    each(object.subsets[i].not_ready_addresses, "notReadyAddresses");
  }
}

}  // namespace

constexpr RulesOf<Endpoints> kTypedEndpointsRules = {
    .set_defaults = SetDefaults,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
    .allow_create_on_update = true,
};
constinit const Rules kEndpointsRules = Erase<kTypedEndpointsRules>();

}  // namespace skiff
