// What the schema cannot say about a ServiceCIDR and an IPAddress.
#include "api/gen/networking_v1.h"
#include "api/rules/ip.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using networking_v1::IPAddress;
using networking_v1::ServiceCIDR;

// The name is the address, in canonical form.
Messages NameIsIpAddress(std::string_view name, bool) {
  return StrictIpErrors(name);
}

}  // namespace

Rules IPAddressRules() {
  return Erase<IPAddress>({
      .validate_name = NameIsIpAddress,
  });
}

// A write of the object itself may change the status too.
Rules ServiceCIDRRules() {
  return Erase<ServiceCIDR>({.prepare_status_update = KeepSpecAndMetadata<ServiceCIDR>});
}

}  // namespace skiff
