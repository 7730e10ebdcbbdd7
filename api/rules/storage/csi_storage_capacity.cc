// What the schema cannot say about a CSIStorageCapacity.
#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_warnings.h"
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

void Warn(const CSIStorageCapacity& object, const CSIStorageCapacity*,
          std::vector<std::string>& out) {
  if (!object.node_topology) return;
  const FieldPath path("nodeTopology");
  const auto& expressions = object.node_topology->match_expressions;
  for (size_t i = 0; i < expressions.size(); ++i) {
    const std::string_view deprecated = DeprecatedNodeLabel(expressions[i].key);
    if (deprecated.empty()) continue;
    out.push_back(path.Child("matchExpressions").Index(i).Child("key").Text() + ": " +
                  expressions[i].key + " is " + std::string(deprecated));
  }
  for (const auto& [label, value] : object.node_topology->match_labels) {
    const std::string_view deprecated = DeprecatedNodeLabel(label);
    if (deprecated.empty()) continue;
    out.push_back(path.Child("matchLabels").Child(label).Text() + ": " + std::string(deprecated));
  }
}

}  // namespace

constexpr RulesOf<CSIStorageCapacity> kTypedCSIStorageCapacityRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
    .allow_unconditional_update = false,
};
constinit const Rules kCSIStorageCapacityRules = Erase<kTypedCSIStorageCapacityRules>();

}  // namespace skiff
