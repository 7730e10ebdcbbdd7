// What the schema cannot say about a RuntimeClass.
#include <set>
#include <string_view>
#include <tuple>

#include "api/gen/node_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using node_v1::RuntimeClass;

void Validate(const RuntimeClass& object, Violations& out) {
  CheckFormat(Dns1123LabelErrors, object.handler, FieldPath("handler"), out);
  if (object.overhead) {
    core_v1::PodSpec spec;
    spec.overhead = object.overhead->pod_fixed;
    ValidateOverhead(spec, FieldPath("overhead"), out);
  }
  if (!object.scheduling) return;
  const FieldPath path("scheduling");
  const auto& tolerations = object.scheduling->tolerations;
  ValidateLabels(object.scheduling->node_selector, path.Child("nodeSelector"), out);
  ValidateTolerations(tolerations, path.Child("tolerations"), out);
  std::set<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>> seen;
  for (size_t i = 0; i < tolerations.size(); ++i) {
    const core_v1::Toleration& it = tolerations[i];
    const bool is_new = seen.emplace(it.key, it.operator_, it.value, it.effect).second;
    if (!is_new) out.Duplicate(path.Child("tolerations").Index(i), GoStruct(tolerations[i]));
  }
}

void ValidateUpdate(const RuntimeClass& object, const RuntimeClass& old, Violations& out) {
  Validate(object, out);
  ValidateImmutable(object.handler, old.handler, FieldPath("handler"), out);
}

void Warn(const RuntimeClass& object, const RuntimeClass*, std::vector<std::string>& out) {
  if (!object.scheduling) return;
  for (const auto& [label, value] : object.scheduling->node_selector) {
    const std::string_view deprecated = DeprecatedNodeLabel(label);
    if (!deprecated.empty()) out.push_back("scheduling.nodeSelector: " + std::string(deprecated));
  }
}

}  // namespace

constexpr RulesOf<RuntimeClass> kTypedRuntimeClassRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
    .allow_create_on_update = true,
    .allow_unconditional_update = false,
};
constinit const Rules kRuntimeClassRules = Erase<kTypedRuntimeClassRules>();

}  // namespace skiff
