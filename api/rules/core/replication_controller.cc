// What the schema cannot say about a ReplicationController.
#include "api/gen/core_v1.h"
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

using core_v1::ReplicationController;

void SetDefaults(ReplicationController& object) {
  if (object.spec.template_) {
    const auto& labels = object.spec.template_->metadata.labels;
    Default(object.spec.selector, labels);
    Default(object.metadata.labels, labels);
  }
  Default(object.spec.replicas, 1);
  if (object.spec.template_) DefaultPodTemplate(*object.spec.template_);
}

using core_v1::ReplicationControllerSpec;

void ValidateSpec(const ReplicationControllerSpec& spec, const ReplicationControllerSpec* old,
                  Violations& out) {
  const FieldPath path("spec");
  ValidateNonNegative(spec.min_ready_seconds, path.Child("minReadySeconds"), out);
  if (spec.selector.empty()) out.Required(path.Child("selector"));
  if (!spec.replicas) {
    out.Required(path.Child("replicas"));
  } else {
    ValidateNonNegative(*spec.replicas, path.Child("replicas"), out);
  }
  const FieldPath at = path.Child("template");
  if (!spec.template_) return out.Required(at);
  const auto& labels = spec.template_->metadata.labels;
  if (!spec.selector.empty() && !LabelSelector::FromMap(spec.selector).Matches(labels)) {
    out.Invalid(at.Child("metadata").Child("labels"), LabelsJson(labels),
                "`selector` does not match template `labels`");
  }
  ValidatePodTemplateSpec(*spec.template_, old && old->template_ ? &*old->template_ : nullptr, at,
                          out);
  CheckRunsForever(spec.template_->spec, "ReplicationController", at.Child("spec"), out);
}

void Validate(const ReplicationController& object, Violations& out) {
  ValidateSpec(object.spec, nullptr, out);
}

void ValidateUpdate(const ReplicationController& object, const ReplicationController& old,
                    Violations& out) {
  ValidateSpec(object.spec, &old.spec, out);
}

void ValidateStatusUpdate(const ReplicationController& object, const ReplicationController&,
                          Violations& out) {
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
  CheckReplicaCounts(status, path, out);
}

void Warn(const ReplicationController& object, const ReplicationController* old,
          std::vector<std::string>& out) {
  if (old == nullptr) WarnOfWorkloadName(object.metadata.name, out);
  const bool changed = old == nullptr || old->metadata.generation != object.metadata.generation;
  // An update has Kubernetes warn of what was there before it.
  const auto& pod_template = (old == nullptr ? object : *old).spec.template_;
  if (!changed || !pod_template) return;
  WarnOfPodTemplate(*pod_template, FieldPath("spec").Child("template"), out);
}

}  // namespace

constexpr RulesOf<ReplicationController> kTypedReplicationControllerRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<ReplicationController>,
    .prepare_update = PrepareUpdate<ReplicationController>,
    .prepare_status_update = KeepSpec<ReplicationController>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kReplicationControllerRules = Erase<kTypedReplicationControllerRules>();

}  // namespace skiff
