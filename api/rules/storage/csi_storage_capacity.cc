// What the schema cannot say about a CSIStorageCapacity.
#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using storage_v1::CSIStorageCapacity;

void Validate(const CSIStorageCapacity& object, Violations& out) {
  if (object.node_topology) {
    ValidateLabelSelector(*object.node_topology, {}, FieldPath("nodeTopology"), out);
  }
  CheckFormat(Dns1123SubdomainErrors, object.storage_class_name, FieldPath("storageClassName"),
              out);
  if (object.capacity && *object.capacity < Quantity()) {
    out.Invalid(FieldPath("capacity"), object.capacity->Text(), kMustBeNonNegative);
  }
}

void ValidateUpdate(const CSIStorageCapacity& object, const CSIStorageCapacity& old,
                    Violations& out) {
  Validate(object, out);
  ValidateImmutable(object.node_topology, old.node_topology, FieldPath("nodeTopology"), out);
  ValidateImmutable(object.storage_class_name, old.storage_class_name,
                    FieldPath("storageClassName"), out);
}

}  // namespace

constexpr RulesOf<CSIStorageCapacity> kTypedCSIStorageCapacityRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .allow_unconditional_update = false,
};
constinit const Rules kCSIStorageCapacityRules = Erase<kTypedCSIStorageCapacityRules>();

}  // namespace skiff
