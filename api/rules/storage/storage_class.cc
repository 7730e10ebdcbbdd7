// What the schema cannot say about a StorageClass.
#include <map>
#include <set>

#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/rules.h"
#include "api/rules/storage/storage_checks.h"
#include "api/violations.h"

namespace skiff {
namespace {

using storage_v1::StorageClass;

void SetDefaults(StorageClass& object) {
  Default(object.reclaim_policy, "Delete");
  Default(object.volume_binding_mode, "Immediate");
}

void ValidateTopologies(const StorageClass& object, Violations& out) {
  const auto& terms = object.allowed_topologies;
  // What is selected, whatever the order of keys and values: how often. Kubernetes keeps a list
  // with an empty place for each term, so that an empty one repeats all of these.
  std::map<std::map<std::string_view, std::set<std::string_view>>, size_t> seen;
  seen[{}] = terms.size();
  for (size_t i = 0; i < terms.size(); ++i) {
    const FieldPath path = FieldPath("allowedTopologies").Index(i).Child("matchLabelExpressions");
    std::map<std::string_view, std::set<std::string_view>> selected;
    const auto& expressions = terms[i].match_label_expressions;
    for (size_t j = 0; j < expressions.size(); ++j) {
      const FieldPath at = path.Index(j);
      if (expressions[j].values.empty()) out.Required(at.Child("values"));
      std::set<std::string_view> values;
      for (size_t k = 0; k < expressions[j].values.size(); ++k) {
        if (!values.insert(expressions[j].values[k]).second) {
          out.Duplicate(at.Child("values").Index(k), expressions[j].values[k]);
        }
      }
      CheckFormat(LabelKeyErrors, expressions[j].key, at.Child("key"), out);
      if (selected.contains(expressions[j].key)) {
        out.Duplicate(at.Child("key"), expressions[j].key);
      }
      selected[expressions[j].key] = std::move(values);
    }
    // Once for each that came before.
    for (size_t same = seen[std::move(selected)]++; same > 0 && !out.full(); --same) {
      out.Duplicate(path, "");
    }
  }
}

void Validate(const StorageClass& object, Violations& out) {
  ValidateProvisioner(object.provisioner, FieldPath("provisioner"), out);
  ValidateStorageParameters(object.parameters, true, FieldPath("parameters"), out);
  if (object.reclaim_policy && !object.reclaim_policy->empty()) {
    CheckOneOf(*object.reclaim_policy, {"Delete", "Retain"}, FieldPath("reclaimPolicy"), out);
  }
  if (!object.volume_binding_mode) {
    out.Required(FieldPath("volumeBindingMode"));
  } else {
    CheckOneOf(*object.volume_binding_mode, {"Immediate", "WaitForFirstConsumer"},
               FieldPath("volumeBindingMode"), out);
  }
  ValidateTopologies(object, out);
}

void ValidateUpdate(const StorageClass& object, const StorageClass& old, Violations& out) {
  Validate(object, out);
  if (object.parameters != old.parameters) {
    out.Forbidden(FieldPath("parameters"), "updates to parameters are forbidden.");
  }
  if (object.provisioner != old.provisioner) {
    out.Forbidden(FieldPath("provisioner"), "updates to provisioner are forbidden.");
  }
  if (object.reclaim_policy != old.reclaim_policy) {
    out.Forbidden(FieldPath("reclaimPolicy"), "updates to reclaimPolicy are forbidden.");
  }
  ValidateImmutable(object.volume_binding_mode, old.volume_binding_mode,
                    FieldPath("volumeBindingMode"), out);
}

void Warn(const StorageClass& object, const StorageClass*, std::vector<std::string>& out) {
  for (size_t i = 0; i < object.allowed_topologies.size(); ++i) {
    const auto& expressions = object.allowed_topologies[i].match_label_expressions;
    const FieldPath path = FieldPath("allowedTopologies").Index(i).Child("matchLabelExpressions");
    for (size_t j = 0; j < expressions.size(); ++j) {
      const std::string_view deprecated = DeprecatedNodeLabel(expressions[j].key);
      if (deprecated.empty()) continue;
      out.push_back(path.Index(j).Child("key").Text() + ": " + std::string(deprecated));
    }
  }
}

}  // namespace

constexpr RulesOf<StorageClass> kTypedStorageClassRules = {
    .set_defaults = SetDefaults,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kStorageClassRules = Erase<kTypedStorageClassRules>();

}  // namespace skiff
