// What the schema cannot say about a ResourceClaim and its template.
#include "api/gen/resource_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/devices/device_validation.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace resource_v1;
using resource_v1::ResourceClaim;

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
  for (auto& config : spec.devices.config) CompactParameters(config.opaque);
}

void DefaultClaim(ResourceClaim& object) {
  DefaultSpec(object.spec);
  if (!object.status.allocation) return;
  for (auto& config : object.status.allocation->devices.config) CompactParameters(config.opaque);
  for (auto& result : object.status.allocation->devices.results) {
    for (auto& toleration : result.tolerations) Default(toleration.operator_, "Equal");
  }
}

bool SharesCapacity(const ResourceClaimStatus& status) {
  if (status.allocation) {
    for (const auto& result : status.allocation->devices.results) {
      if (result.share_id || !result.consumed_capacity.empty()) return true;
    }
  }
  return std::any_of(status.devices.begin(), status.devices.end(),
                     [](const auto& device) { return device.share_id.has_value(); });
}

bool HasBindingConditions(const ResourceClaimStatus& status) {
  if (!status.allocation) return false;
  const auto& results = status.allocation->devices.results;
  return std::any_of(results.begin(), results.end(), [](const auto& result) {
    return !result.binding_conditions.empty() || !result.binding_failure_conditions.empty();
  });
}

// Features that are off in v1.35 leave nothing behind where nothing is of them.
void DropAlphaFields(ResourceClaimStatus& status, const ResourceClaimStatus& old) {
  const bool shares = SharesCapacity(old);
  const bool has_conditions = HasBindingConditions(old);
  if (status.allocation) {
    for (auto& result : status.allocation->devices.results) {
      if (!shares) result.share_id.reset();
      if (!shares) result.consumed_capacity.clear();
      if (!has_conditions) result.binding_conditions.clear();
      if (!has_conditions) result.binding_failure_conditions.clear();
    }
  }
  for (auto& device : status.devices) {
    if (!shares) device.share_id.reset();
  }
}

// What drivers reported of devices that this write gives back goes with them.
void UpdateStatus(ResourceClaim& object, const ResourceClaim& old) {
  KeepSpecAndMetadata(object, old);
  const HeldDevices before(old.status), now(object.status);
  std::erase_if(object.status.devices, [&](const AllocatedDeviceStatus& device) {
    return before.Has(device) && !now.Has(device);
  });
  DropAlphaFields(object.status, old.status);
}

// Features that are off in v1.35 leave nothing behind: tolerations of tainted devices, and shares
// of a device's capacity.
void DropAlphaFields(ResourceClaimSpec& spec) {
  for (auto& request : spec.devices.requests) {
    if (request.exactly) {
      request.exactly->tolerations.clear();
      request.exactly->capacity.reset();
    }
    for (auto& alternative : request.first_available) {
      alternative.tolerations.clear();
      alternative.capacity.reset();
    }
  }
  for (auto& constraint : spec.devices.constraints) constraint.distinct_attribute.reset();
}

void Create(ResourceClaim& object) {
  object.status = {};
  DropAlphaFields(object.spec);
}

void Update(ResourceClaim& object, const ResourceClaim& old) {
  object.status = old.status;
  DropAlphaFields(object.spec);
}

void Validate(const ResourceClaim& object, Violations& out) {
  ValidateClaimSpec(object.spec, FieldPath("spec"), out);
}

void ValidateUpdate(const ResourceClaim& object, const ResourceClaim& old, Violations& out) {
  if (!(object.spec == old.spec)) {
    out.Invalid(FieldPath("spec"), GoStruct(object.spec), kFieldImmutable);
  }
}

void CreateTemplate(ResourceClaimTemplate& object) {
  DropAlphaFields(object.spec.spec);
}

void UpdateTemplate(ResourceClaimTemplate& object, const ResourceClaimTemplate&) {
  DropAlphaFields(object.spec.spec);
}

void ValidateTemplate(const ResourceClaimTemplate& object, Violations& out) {
  ValidateTemplateMetadata(object.spec.metadata, FieldPath("spec").Child("metadata"), out);
  ValidateClaimSpec(object.spec.spec, FieldPath("spec").Child("spec"), out);
}

void ValidateTemplateUpdate(const ResourceClaimTemplate& object, const ResourceClaimTemplate& old,
                            Violations& out) {
  ValidateTemplate(object, out);
  if (!(object.spec == old.spec)) {
    out.Invalid(FieldPath("spec"), GoStruct(object.spec), kFieldImmutable);
  }
}

void DefaultTemplate(ResourceClaimTemplate& object) {
  DefaultSpec(object.spec.spec);
}

}  // namespace

constexpr RulesOf<resource_v1::ResourceClaim> kTypedResourceClaimRules = {
    .set_defaults = DefaultClaim,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = UpdateStatus,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateClaimStatus,
};
constinit const Rules kResourceClaimRules = Erase<kTypedResourceClaimRules>();

constexpr RulesOf<ResourceClaimTemplate> kTypedResourceClaimTemplateRules = {
    .set_defaults = DefaultTemplate,
    .prepare_create = CreateTemplate,
    .prepare_update = UpdateTemplate,
    .validate = ValidateTemplate,
    .validate_update = ValidateTemplateUpdate,
};
constinit const Rules kResourceClaimTemplateRules = Erase<kTypedResourceClaimTemplateRules>();

}  // namespace skiff
