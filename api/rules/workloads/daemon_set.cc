// What the schema cannot say about a DaemonSet.
#include <string>

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
#include "api/rules/workloads/workload_validation.h"
#include "api/text/go_text.h"
#include "api/violations.h"

namespace skiff {
namespace {

using apps_v1::DaemonSet;

// Counts the changes of the template. It was a field before apps/v1; today only this shows it.
constexpr const char* kTemplateGeneration = "deprecated.daemonset.template.generation";

Result<int64_t> ReadTemplateGeneration(const DaemonSet& object) {
  const auto found = object.metadata.annotations.find(kTemplateGeneration);
  if (found == object.metadata.annotations.end()) return 0;
  return GoInt(found->second, "ParseInt");
}

// Of an older build there may be one that is no number.
int64_t TemplateGeneration(const DaemonSet& object) {
  return ReadTemplateGeneration(object).value_or(0);
}

std::string Inconvertible(const DaemonSet& object) {
  const auto generation = ReadTemplateGeneration(object);
  return generation ? "" : generation.error().message;
}

void SetTemplateGeneration(DaemonSet& object, int64_t generation) {
  object.metadata.annotations[kTemplateGeneration] = std::to_string(generation);
}

void SetDefaults(DaemonSet& object) {
  auto& strategy = object.spec.update_strategy;
  Default(strategy.type, "RollingUpdate");
  if (strategy.type == "RollingUpdate") {
    auto& rolling_update = strategy.rolling_update.Ensure();
    Default(rolling_update.max_unavailable, IntOrString(1));
    Default(rolling_update.max_surge, IntOrString(0));
  } else if (strategy.rolling_update) {
    // Kubernetes' own form of these cannot be absent.
    Default(strategy.rolling_update->max_unavailable, IntOrString(0));
    Default(strategy.rolling_update->max_surge, IntOrString(0));
  }
  // Kubernetes makes the annotation of a number that its own form of the object always has, so a
  // writer who leaves it out owns it all the same. What it counts is decided below.
  if (const auto given = ReadTemplateGeneration(object)) SetTemplateGeneration(object, *given);
  Default(object.spec.revision_history_limit, 10);
  DefaultPodTemplate(object.spec.template_);
}

void Create(DaemonSet& object) {
  PrepareCreate(object);
  SetTemplateGeneration(object, std::max<int64_t>(1, TemplateGeneration(object)));
}

void Update(DaemonSet& object, const DaemonSet& old) {
  PrepareUpdate(object, old);
  const bool changed = !(object.spec.template_ == old.spec.template_);
  SetTemplateGeneration(object, TemplateGeneration(old) + (changed ? 1 : 0));
}

void UpdateStatus(DaemonSet& object, const DaemonSet& old) {
  KeepSpec(object, old);
  SetTemplateGeneration(object, TemplateGeneration(old));
}

void ValidateRollingUpdate(const apps_v1::RollingUpdateDaemonSet& rolling_update,
                           const FieldPath& path, Violations& out) {
  const IntOrString unavailable = rolling_update.max_unavailable.value_or(IntOrString());
  const IntOrString surge = rolling_update.max_surge.value_or(IntOrString());
  CheckIntOrPercent(unavailable, path.Child("maxUnavailable"), out);
  CheckIntOrPercent(surge, path.Child("maxSurge"), out);
  CheckAtMost100Percent(unavailable, path.Child("maxUnavailable"), out);
  CheckAtMost100Percent(surge, path.Child("maxSurge"), out);
  const bool has_unavailable = IntOrPercentValue(unavailable) != 0;
  const bool has_surge = IntOrPercentValue(surge) != 0;
  if (has_unavailable && has_surge) {
    out.Invalid(path.Child("maxSurge"), IntOrStringJson(surge),
                "may not be set when maxUnavailable is non-zero");
  } else if (!has_unavailable && !has_surge) {
    out.Required(path.Child("maxUnavailable"), "cannot be 0 when maxSurge is 0");
  }
}

void ValidateStrategy(const apps_v1::DaemonSetUpdateStrategy& strategy, const FieldPath& path,
                      Violations& out) {
  if (strategy.type == "OnDelete") return;
  if (strategy.type != "RollingUpdate") {
    out.NotSupported(path, GoStruct(strategy), {"RollingUpdate", "OnDelete"});
  } else if (!strategy.rolling_update) {
    out.Required(path.Child("rollingUpdate"));
  } else {
    ValidateRollingUpdate(*strategy.rolling_update, path.Child("rollingUpdate"), out);
  }
}

void ValidateSpec(const apps_v1::DaemonSetSpec& spec, const apps_v1::DaemonSetSpec* old,
                  Violations& out) {
  const FieldPath path("spec");
  const FieldPath at = path.Child("template");
  if (spec.selector) ValidateLabelSelector(*spec.selector, {}, path.Child("selector"), out);
  CheckTemplateMatches(spec.selector, spec.template_, at, out);
  if (spec.selector && *spec.selector == meta_v1::LabelSelector()) {
    out.Invalid(path.Child("selector"), Printed(*spec.selector),
                "empty selector is invalid for daemonset");
  }
  ValidatePodTemplateSpec(spec.template_, old ? &old->template_ : nullptr, at, out);
  CheckRunsForever(spec.template_.spec, "DaemonSet", at.Child("spec"), out);
  ValidateNonNegative(spec.min_ready_seconds, path.Child("minReadySeconds"), out);
  ValidateStrategy(spec.update_strategy, path.Child("updateStrategy"), out);
  if (spec.revision_history_limit) {
    ValidateNonNegative(*spec.revision_history_limit, path.Child("revisionHistoryLimit"), out);
  }
}

void Validate(const DaemonSet& object, Violations& out) {
  ValidateSpec(object.spec, nullptr, out);
}

void ValidateUpdate(const DaemonSet& object, const DaemonSet& old, Violations& out) {
  ValidateImmutable(object.spec.selector, old.spec.selector, FieldPath("spec").Child("selector"),
                    out);
  ValidateSpec(object.spec, &old.spec, out);
}

void ValidateStatusUpdate(const DaemonSet& object, const DaemonSet& old, Violations& out) {
  const auto& status = object.status;
  const FieldPath path("status");
  const auto counter = [&](int64_t value, const char* field) {
    ValidateNonNegative(value, path.Child(field), out);
  };
  counter(status.current_number_scheduled, "currentNumberScheduled");
  counter(status.number_misscheduled, "numberMisscheduled");
  counter(status.desired_number_scheduled, "desiredNumberScheduled");
  counter(status.number_ready, "numberReady");
  counter(status.observed_generation, "observedGeneration");
  counter(status.updated_number_scheduled, "updatedNumberScheduled");
  counter(status.number_available, "numberAvailable");
  counter(status.number_unavailable, "numberUnavailable");
  if (status.collision_count) counter(*status.collision_count, "collisionCount");
  CheckNotDecremented(status.collision_count, old.status.collision_count,
                      path.Child("collisionCount"), out);
}

void Warn(const DaemonSet& object, const DaemonSet* old, std::vector<std::string>& out) {
  if (old != nullptr && TemplateGeneration(object) == TemplateGeneration(*old)) return;
  WarnOfPodTemplate(object.spec.template_, FieldPath("spec").Child("template"), out);
}

}  // namespace

constexpr RulesOf<DaemonSet> kTypedDaemonSetRules = {
    .set_defaults = SetDefaults,
    .inconvertible = Inconvertible,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = UpdateStatus,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kDaemonSetRules = Erase<kTypedDaemonSetRules>();

}  // namespace skiff
