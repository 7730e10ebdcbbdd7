// What the schema cannot say about a ReplicaSet.
#include "api/gen/apps_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/workload_validation.h"
#include "api/select/selector.h"
#include "api/violations.h"

namespace skiff {
namespace {

using apps_v1::ReplicaSet;

void SetDefaults(ReplicaSet& object) {
  Default(object.spec.replicas, 1);
  DefaultPodTemplate(object.spec.template_);
}

using apps_v1::ReplicaSetSpec;

void ValidateSpec(const ReplicaSetSpec& spec, const ReplicaSetSpec* old, Violations& out) {
  const FieldPath path("spec");
  ValidateNonNegative(spec.replicas.value_or(0), path.Child("replicas"), out);
  ValidateNonNegative(spec.min_ready_seconds, path.Child("minReadySeconds"), out);
  RequireSelector(spec.selector, "deployment", path.Child("selector"), out);
  if (spec.selector && !LabelSelector::From(*spec.selector)) {
    out.Invalid(path.Child("selector"), Printed(*spec.selector), "invalid label selector");
    return;
  }
  const FieldPath at = path.Child("template");
  CheckTemplateMatches(spec.selector, spec.template_, at, out);
  ValidatePodTemplateSpec(spec.template_, old ? &old->template_ : nullptr, at, out);
  CheckRunsForever(spec.template_.spec, "ReplicaSet", at.Child("spec"), out);
}

void Validate(const ReplicaSet& object, Violations& out) {
  ValidateSpec(object.spec, nullptr, out);
}

void ValidateUpdate(const ReplicaSet& object, const ReplicaSet& old, Violations& out) {
  ValidateSpec(object.spec, &old.spec, out);
  ValidateImmutable(object.spec.selector, old.spec.selector, FieldPath("spec").Child("selector"),
                    out);
}

void ValidateStatusUpdate(const ReplicaSet& object, const ReplicaSet&, Violations& out) {
  const auto& status = object.status;
  const FieldPath path("status");
  const auto counter = [&](int64_t value, const char* field) {
    ValidateNonNegative(value, path.Child(field), out);
  };
  counter(status.replicas, "replicas");
  counter(status.fully_labeled_replicas, "fullyLabeledReplicas");
  counter(status.ready_replicas, "readyReplicas");
  counter(status.available_replicas, "availableReplicas");
  counter(status.observed_generation, "observedGeneration");
  if (status.terminating_replicas) counter(*status.terminating_replicas, "terminatingReplicas");
  CheckReplicaCounts(status, path, out);
}

void Warn(const ReplicaSet& object, const ReplicaSet* old, std::vector<std::string>& out) {
  if (old == nullptr) WarnOfWorkloadName(object.metadata.name, out);
  WarnOfTemplate(object, old, FieldPath("spec").Child("template"), out);
}

}  // namespace

constexpr RulesOf<ReplicaSet> kTypedReplicaSetRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<ReplicaSet>,
    .prepare_update = PrepareUpdate<ReplicaSet>,
    .prepare_status_update = KeepSpec<ReplicaSet>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kReplicaSetRules = Erase<kTypedReplicaSetRules>();

}  // namespace skiff
