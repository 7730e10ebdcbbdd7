// What the schema cannot say about a PodDisruptionBudget.
#include "api/gen/policy_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/workload_validation.h"
#include "api/violations.h"

namespace skiff {
namespace {

using policy_v1::PodDisruptionBudget;

void Validate(const PodDisruptionBudget& object, Violations& out) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  if (spec.min_available && spec.max_unavailable) {
    out.Invalid(path, GoStruct(spec), "minAvailable and maxUnavailable cannot be both set");
  }
  const auto amount = [&](const std::optional<IntOrString>& value, const char* field) {
    if (!value) return;
    CheckIntOrPercent(*value, path.Child(field), out);
    CheckAtMost100Percent(*value, path.Child(field), out);
  };
  amount(spec.min_available, "minAvailable");
  amount(spec.max_unavailable, "maxUnavailable");
  if (spec.selector) ValidateLabelSelector(*spec.selector, {}, path.Child("selector"), out);
  if (spec.unhealthy_pod_eviction_policy) {
    CheckOneOf(*spec.unhealthy_pod_eviction_policy, {"AlwaysAllow", "IfHealthyBudget"},
               path.Child("unhealthyPodEvictionPolicy"), out);
  }
}

void ValidateUpdate(const PodDisruptionBudget& object, const PodDisruptionBudget&,
                    Violations& out) {
  Validate(object, out);
}

void ValidateStatusUpdate(const PodDisruptionBudget& object, const PodDisruptionBudget&,
                          Violations& out) {
  const auto& status = object.status;
  const FieldPath path("status");
  ValidateConditions(status.conditions, path.Child("conditions"), out);
  ValidateNonNegative(status.disruptions_allowed, path.Child("disruptionsAllowed"), out);
  ValidateNonNegative(status.current_healthy, path.Child("currentHealthy"), out);
  ValidateNonNegative(status.desired_healthy, path.Child("desiredHealthy"), out);
  ValidateNonNegative(status.expected_pods, path.Child("expectedPods"), out);
}

}  // namespace

constexpr RulesOf<PodDisruptionBudget> kTypedPodDisruptionBudgetRules = {
    .prepare_create = PrepareCreate<PodDisruptionBudget>,
    .prepare_update = PrepareUpdate<PodDisruptionBudget>,
    .prepare_status_update = KeepSpec<PodDisruptionBudget>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .validate_name = NameIsPathSegment,
    .metadata_last = true,
    .allow_unconditional_update = false,
};
constinit const Rules kPodDisruptionBudgetRules = Erase<kTypedPodDisruptionBudgetRules>();

}  // namespace skiff
