// What the schema cannot say about a ResourceClaim and its template.
#include "api/gen/resource_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace resource_v1;

template <typename Request>
void DefaultRequest(Request& request) {
  Default(request.allocation_mode, "ExactCount");
  if (request.allocation_mode == "ExactCount") Default(request.count, int64_t{1});
  for (auto& toleration : request.tolerations) Default(toleration.operator_, "Equal");
}

void DefaultSpec(ResourceClaimSpec& spec) {
  for (auto& request : spec.devices.requests) {
    if (request.exactly) DefaultRequest(*request.exactly);
    for (auto& alternative : request.first_available) DefaultRequest(alternative);
  }
}

void DefaultClaim(ResourceClaim& object) {
  DefaultSpec(object.spec);
  if (!object.status.allocation) return;
  for (auto& result : object.status.allocation->devices.results) {
    for (auto& toleration : result.tolerations) Default(toleration.operator_, "Equal");
  }
}

bool IsAllocated(const ResourceClaimStatus& status, const AllocatedDeviceStatus& device) {
  if (!status.allocation) return false;
  for (const auto& result : status.allocation->devices.results) {
    if (result.driver == device.driver && result.pool == device.pool &&
        result.device == device.device && result.share_id == device.share_id) {
      return true;
    }
  }
  return false;
}

// What drivers reported of devices that this write gives back goes with them.
void UpdateStatus(ResourceClaim& object, const ResourceClaim& old) {
  KeepSpecAndMetadata(object, old);
  std::erase_if(object.status.devices, [&](const AllocatedDeviceStatus& device) {
    return IsAllocated(old.status, device) && !IsAllocated(object.status, device);
  });
}

void DefaultTemplate(ResourceClaimTemplate& object) {
  DefaultSpec(object.spec.spec);
}

}  // namespace

Rules ResourceClaimRules() {
  return Erase<ResourceClaim>({
      .set_defaults = DefaultClaim,
      .prepare_create = ClearStatus<ResourceClaim>,
      .prepare_update = KeepStatus<ResourceClaim>,
      .prepare_status_update = UpdateStatus,
  });
}

Rules ResourceClaimTemplateRules() {
  return Erase<ResourceClaimTemplate>({.set_defaults = DefaultTemplate});
}

}  // namespace skiff
