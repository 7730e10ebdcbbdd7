// What the schema cannot say about a Deployment.
#include <fmt/format.h>

#include "api/gen/apps_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/rollback.h"
#include "api/rules/workloads/workload_validation.h"
#include "api/select/selector.h"
#include "api/text/go_text.h"
#include "api/violations.h"

namespace skiff {
namespace {

using apps_v1::Deployment;

std::string Inconvertible(const Deployment& object) {
  const auto found = object.metadata.annotations.find(kRollbackTo);
  if (found == object.metadata.annotations.end() || found->second.empty()) return "";
  const auto revision = GoInt(found->second, "ParseInt");
  if (revision) return "";
  return fmt::format("failed to parse annotation[{}]={} as int64: {}", kRollbackTo, found->second,
                     revision.error().message);
}

// As it comes back from there.
void WriteRollbackTo(Deployment& object) {
  const auto found = object.metadata.annotations.find(kRollbackTo);
  if (found == object.metadata.annotations.end()) return;
  if (found->second.empty()) {
    object.metadata.annotations.erase(found);
  } else if (const auto revision = GoInt(found->second, "ParseInt")) {
    found->second = std::to_string(*revision);
  }
}

void SetDefaults(Deployment& object) {
  WriteRollbackTo(object);
  auto& spec = object.spec;
  Default(spec.replicas, 1);
  Default(spec.strategy.type, "RollingUpdate");
  if (spec.strategy.type == "RollingUpdate") {
    auto& rolling_update = spec.strategy.rolling_update.Ensure();
    Default(rolling_update.max_unavailable, IntOrString("25%"));
    Default(rolling_update.max_surge, IntOrString("25%"));
  }
  Default(spec.revision_history_limit, 10);
  Default(spec.progress_deadline_seconds, 600);
  DefaultPodTemplate(spec.template_);
}

// Annotations count as spec: the controller copies them to the ReplicaSets.
void Update(Deployment& object, const Deployment& old) {
  object.status = old.status;
  MoveGeneration(
      object, old,
      !(object.spec == old.spec && object.metadata.annotations == old.metadata.annotations));
}

void UpdateStatus(Deployment& object, const Deployment& old) {
  KeepSpec(object, old);
  object.metadata.labels = old.metadata.labels;
}

using apps_v1::DeploymentSpec;
using apps_v1::DeploymentStatus;

void ValidateRollingUpdate(const apps_v1::RollingUpdateDeployment& rolling_update,
                           const FieldPath& path, Violations& out) {
  const IntOrString unavailable = rolling_update.max_unavailable.value_or(IntOrString());
  const IntOrString surge = rolling_update.max_surge.value_or(IntOrString());
  CheckIntOrPercent(unavailable, path.Child("maxUnavailable"), out);
  CheckIntOrPercent(surge, path.Child("maxSurge"), out);
  if (IntOrPercentValue(unavailable) == 0 && IntOrPercentValue(surge) == 0) {
    out.Invalid(path.Child("maxUnavailable"), IntOrStringJson(unavailable),
                "may not be 0 when `maxSurge` is 0");
  }
  CheckAtMost100Percent(unavailable, path.Child("maxUnavailable"), out);
}

void ValidateStrategy(const apps_v1::DeploymentStrategy& strategy, const FieldPath& path,
                      Violations& out) {
  const FieldPath rolling_update = path.Child("rollingUpdate");
  if (strategy.type == "Recreate") {
    if (strategy.rolling_update) {
      out.Forbidden(rolling_update, "may not be specified when strategy `type` is 'Recreate'");
    }
  } else if (strategy.type != "RollingUpdate") {
    out.NotSupported(path, GoStruct(strategy), {"Recreate", "RollingUpdate"});
  } else if (!strategy.rolling_update) {
    out.Required(rolling_update, "this should be defaulted and never be nil");
  } else {
    ValidateRollingUpdate(*strategy.rolling_update, rolling_update, out);
  }
}

void ValidateSpec(const DeploymentSpec& spec, const DeploymentSpec* old, Violations& out) {
  const FieldPath path("spec");
  ValidateNonNegative(spec.replicas.value_or(0), path.Child("replicas"), out);
  RequireSelector(spec.selector, "deployment", path.Child("selector"), out);
  if (spec.selector && !LabelSelector::From(*spec.selector)) {
    out.Invalid(path.Child("selector"), Printed(*spec.selector), "invalid label selector");
  } else {
    const FieldPath at = path.Child("template");
    CheckTemplateMatches(spec.selector, spec.template_, at, out);
    ValidatePodTemplateSpec(spec.template_, old ? &old->template_ : nullptr, at, out);
    CheckRunsForever(spec.template_.spec, "ReplicaSet", at.Child("spec"), out);
  }
  ValidateStrategy(spec.strategy, path.Child("strategy"), out);
  ValidateNonNegative(spec.min_ready_seconds, path.Child("minReadySeconds"), out);
  if (spec.revision_history_limit) {
    ValidateNonNegative(*spec.revision_history_limit, path.Child("revisionHistoryLimit"), out);
  }
  if (!spec.progress_deadline_seconds) return;
  const int32_t deadline = *spec.progress_deadline_seconds;
  ValidateNonNegative(deadline, path.Child("progressDeadlineSeconds"), out);
  if (deadline <= spec.min_ready_seconds) {
    out.Invalid(path.Child("progressDeadlineSeconds"), deadline,
                "must be greater than minReadySeconds");
  }
}

void Validate(const Deployment& object, Violations& out) {
  ValidateSpec(object.spec, nullptr, out);
}

void ValidateUpdate(const Deployment& object, const Deployment& old, Violations& out) {
  ValidateSpec(object.spec, &old.spec, out);
  ValidateImmutable(object.spec.selector, old.spec.selector, FieldPath("spec").Child("selector"),
                    out);
}

void ValidateStatus(const DeploymentStatus& status, const FieldPath& path, Violations& out) {
  const auto counter = [&](int64_t value, const char* field) {
    ValidateNonNegative(value, path.Child(field), out);
  };
  counter(status.observed_generation, "observedGeneration");
  counter(status.replicas, "replicas");
  counter(status.updated_replicas, "updatedReplicas");
  counter(status.ready_replicas, "readyReplicas");
  counter(status.available_replicas, "availableReplicas");
  counter(status.unavailable_replicas, "unavailableReplicas");
  if (status.terminating_replicas) counter(*status.terminating_replicas, "terminatingReplicas");
  if (status.collision_count) counter(*status.collision_count, "collisionCount");
  constexpr const char* kAboveReplicas = "cannot be greater than status.replicas";
  CheckAtMost(status.updated_replicas, status.replicas, path.Child("updatedReplicas"),
              kAboveReplicas, out);
  CheckAtMost(status.ready_replicas, status.replicas, path.Child("readyReplicas"), kAboveReplicas,
              out);
  CheckAtMost(status.available_replicas, status.replicas, path.Child("availableReplicas"),
              kAboveReplicas, out);
  CheckAtMost(status.available_replicas, status.ready_replicas, path.Child("availableReplicas"),
              "cannot be greater than readyReplicas", out);
}

void ValidateStatusUpdate(const Deployment& object, const Deployment& old, Violations& out) {
  const FieldPath path("status");
  ValidateStatus(object.status, path, out);
  CheckNotDecremented(object.status.collision_count, old.status.collision_count,
                      path.Child("collisionCount"), out);
}

void Warn(const Deployment& object, const Deployment* old, std::vector<std::string>& out) {
  if (old == nullptr) WarnOfWorkloadName(object.metadata.name, out);
  WarnOfTemplate(object, old, FieldPath("spec").Child("template"), out);
}

}  // namespace

constexpr RulesOf<Deployment> kTypedDeploymentRules = {
    .set_defaults = SetDefaults,
    .inconvertible = Inconvertible,
    .prepare_create = PrepareCreate<Deployment>,
    .prepare_update = Update,
    .prepare_status_update = UpdateStatus,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kDeploymentRules = Erase<kTypedDeploymentRules>();

}  // namespace skiff
