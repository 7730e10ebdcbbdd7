// What the schema cannot say about a ServiceCIDR and an IPAddress.
#include <vector>

#include "api/gen/networking_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using networking_v1::IPAddress;
using networking_v1::ServiceCIDR;

// The name is the address, in canonical form.
Messages NameIsIpAddress(std::string_view name, bool) {
  return StrictIpErrors(name);
}

void ValidateAddress(const IPAddress& object, Violations& out) {
  const FieldPath path = FieldPath("spec").Child("parentRef");
  if (!object.spec.parent_ref) return out.Required(path);
  const auto& parent = *object.spec.parent_ref;
  if (!parent.group.empty()) {
    CheckFormat(Dns1123SubdomainErrors, parent.group, path.Child("group"), out);
  }
  RequireFormat(PathSegmentErrors, parent.resource, path.Child("resource"), out);
  RequireFormat(PathSegmentErrors, parent.name, path.Child("name"), out);
  if (!parent.namespace_.empty()) {
    CheckFormat(PathSegmentErrors, parent.namespace_, path.Child("namespace"), out);
  }
}

void ValidateAddressUpdate(const IPAddress& object, const IPAddress& old, Violations& out) {
  ValidateAddress(object, out);
  if (object.spec.parent_ref == old.spec.parent_ref) return;
  const FieldPath path = FieldPath("spec").Child("parentRef");
  object.spec.parent_ref ? out.Invalid(path, GoStruct(*object.spec.parent_ref), kFieldImmutable)
                         : out.Invalid(path, nullptr, kFieldImmutable);
}

void ValidateCidrs(const ServiceCIDR& object, Violations& out) {
  const FieldPath path = FieldPath("spec").Child("cidrs");
  const auto& cidrs = object.spec.cidrs;
  if (cidrs.empty()) return out.Required(path, "at least one CIDR required");
  if (cidrs.size() > 2) {
    return out.Invalid(path, GoStruct(object.spec), "may only hold up to 2 values");
  }
  std::vector<bool> families;
  for (size_t i = 0; i < cidrs.size(); ++i) {
    out.InvalidEach(path.Index(i), cidrs[i], StrictCidrErrors(cidrs[i]));
    if (const auto cidr = ParseCidr(cidrs[i])) families.push_back(cidr->address.v6);
  }
  if (families.size() == 2 && families[0] == families[1]) {
    out.Invalid(path, cidrs,
                "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
                "2001:db8::/64");
  }
}

// A second family may be added to the first, and nothing else.
void ValidateCidrsUpdate(const ServiceCIDR& object, const ServiceCIDR& old, Violations& out) {
  const FieldPath path = FieldPath("spec").Child("cidrs");
  const auto& now = object.spec.cidrs;
  const auto& before = old.spec.cidrs;
  if (now.size() == before.size()) {
    for (size_t i = 0; i < now.size(); ++i) {
      ValidateImmutable(now[i], before[i], path.Index(i), out);
    }
  } else if (before.size() == 1 && now.size() == 2) {
    ValidateImmutable(now[0], before[0], path.Index(0), out);
    ValidateCidrs(object, out);
  } else {
    out.Invalid(path, now.empty() ? Json(nullptr) : Json(now), kFieldImmutable);
  }
}

}  // namespace

constexpr RulesOf<IPAddress> kTypedIPAddressRules = {
    .validate = ValidateAddress,
    .validate_update = ValidateAddressUpdate,
    .validate_name = NameIsIpAddress,
};
constinit const Rules kIPAddressRules = Erase<kTypedIPAddressRules>();

// A write of the object itself may change the status too.
constexpr RulesOf<ServiceCIDR> kTypedServiceCIDRRules = {
    .prepare_status_update = KeepSpecAndMetadata<ServiceCIDR>,
    .validate = ValidateCidrs,
    .validate_update = ValidateCidrsUpdate,
};
constinit const Rules kServiceCIDRRules = Erase<kTypedServiceCIDRRules>();

}  // namespace skiff
