// What the schema cannot say about a VolumeAttributesClass.
#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/rules/storage/storage_checks.h"
#include "api/violations.h"

namespace skiff {
namespace {

using storage_v1::VolumeAttributesClass;

void Validate(const VolumeAttributesClass& object, Violations& out) {
  ValidateProvisioner(object.driver_name, FieldPath("driverName"), out);
  ValidateStorageParameters(object.parameters, false, FieldPath("parameters"), out);
}

void ValidateUpdate(const VolumeAttributesClass& object, const VolumeAttributesClass& old,
                    Violations& out) {
  if (object.driver_name != old.driver_name) {
    out.Forbidden(FieldPath("driverName"), "updates to driverName are forbidden.");
  }
  if (object.parameters != old.parameters) {
    out.Forbidden(FieldPath("parameters"), "updates to parameters are forbidden.");
  }
  Validate(object, out);
}

}  // namespace

constexpr RulesOf<VolumeAttributesClass> kTypedVolumeAttributesClassRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
};
constinit const Rules kVolumeAttributesClassRules = Erase<kTypedVolumeAttributesClassRules>();

}  // namespace skiff
