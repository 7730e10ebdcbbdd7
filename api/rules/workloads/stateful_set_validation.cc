#include "api/rules/workloads/stateful_set_validation.h"

#include <set>
#include <string_view>
#include <utility>

#include "api/gen/apps_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/core/persistent_volume_claim_spec.h"
#include "api/rules/defaults.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/workloads/workload_validation.h"
#include "api/select/selector.h"

namespace skiff {
namespace {

using apps_v1::StatefulSet;
using apps_v1::StatefulSetSpec;
using core_v1::PodTemplateSpec;

void ValidateMaxUnavailable(const IntOrString& most, const FieldPath& at, Violations& out) {
  CheckIntOrPercent(most, at, out);
  if (IntOrPercentValue(most) == 0) out.Invalid(at, IntOrStringJson(most), "cannot be 0");
  CheckAtMost100Percent(most, at, out);
}

void ValidateStrategy(const apps_v1::StatefulSetUpdateStrategy& strategy, const FieldPath& path,
                      Violations& out) {
  const FieldPath at = path.Child("rollingUpdate");
  if (strategy.type.empty()) {
    out.Required(path);
  } else if (strategy.type == "OnDelete") {
    if (strategy.rolling_update) {
      auto printed = *strategy.rolling_update;
      Default(printed.partition, 0);  // In Kubernetes' own form it is always there.
      out.Invalid(at, GoStruct(printed),
                  "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (strategy.type != "RollingUpdate") {
    auto printed = strategy;
    if (printed.rolling_update) Default(printed.rolling_update->partition, 0);
    out.Invalid(path, GoStruct(printed), "must be 'RollingUpdate' or 'OnDelete'");
  } else if (strategy.rolling_update) {
    ValidateNonNegative(strategy.rolling_update->partition.value_or(0), at.Child("partition"), out);
    if (const auto& most = strategy.rolling_update->max_unavailable) {
      ValidateMaxUnavailable(*most, at.Child("maxUnavailable"), out);
    }
  }
}

// The template as its pods will be: claims made from a template take the place of volumes of the
// same name and come before all others, and hostname and subdomain are the controller's.
PodTemplateSpec AsPodTemplate(const StatefulSetSpec& spec) {
  PodTemplateSpec pod_template = spec.template_;
  std::vector<core_v1::Volume> volumes;
  std::set<std::string_view> claims;
  for (const auto& claim : spec.volume_claim_templates) {
    if (!claims.insert(claim.metadata.name).second) continue;
    auto& volume = volumes.emplace_back();
    volume.name = claim.metadata.name;
    volume.persistent_volume_claim.emplace().claim_name = claim.metadata.name;
  }
  for (auto& volume : pod_template.spec.volumes) {
    if (!claims.contains(volume.name)) volumes.push_back(std::move(volume));
  }
  pod_template.spec.volumes = std::move(volumes);
  pod_template.spec.hostname.clear();
  pod_template.spec.subdomain.clear();
  return pod_template;
}

bool WasInvalid(const StatefulSetSpec& old);

// An update may keep the template of a set that earlier versions let pass.
void ValidateTemplate(const StatefulSetSpec& spec, const StatefulSetSpec* old,
                      const FieldPath& path, Violations& out) {
  CheckTemplateMatches(spec.selector, spec.template_, path, out);
  Violations errors;
  ValidatePodTemplateSpec(AsPodTemplate(spec), old ? &old->template_ : nullptr, path, errors);
  const bool itself = old == &spec;
  if (!errors.empty() && (old == nullptr || itself || !WasInvalid(*old))) out.Append(errors);
  const auto& meta = spec.template_.metadata;
  ValidateLabels(meta.labels, path.Child("labels"), out);
  ValidateAnnotations(meta.annotations, path.Child("annotations"), out);
  ValidatePodAnnotations(meta, spec.template_.spec, path.Child("annotations"), out);
}

// `old` is nullptr on create.
void ValidateSpec(const StatefulSetSpec& spec, const StatefulSetSpec* old, Violations& out) {
  const FieldPath path("spec");
  if (spec.pod_management_policy.empty()) {
    out.Required(path.Child("podManagementPolicy"));
  } else if (!IsOneOf(spec.pod_management_policy, {"OrderedReady", "Parallel"})) {
    out.Invalid(path.Child("podManagementPolicy"), spec.pod_management_policy,
                "must be 'OrderedReady' or 'Parallel'");
  }
  ValidateStrategy(spec.update_strategy, path.Child("updateStrategy"), out);
  if (const auto& retention = spec.persistent_volume_claim_retention_policy) {
    const FieldPath at = path.Child("persistentVolumeClaimRetentionPolicy");
    CheckOneOf(retention->when_deleted, {"Retain", "Delete"}, at.Child("whenDeleted"), out);
    CheckOneOf(retention->when_scaled, {"Retain", "Delete"}, at.Child("whenScaled"), out);
  }
  for (size_t i = 0; old == nullptr && i < spec.volume_claim_templates.size(); ++i) {
    ValidatePersistentVolumeClaimSpec(spec.volume_claim_templates[i].spec,
                                      path.Child("volumeClaimTemplates").Index(i).Child("spec"),
                                      out);
  }
  ValidateNonNegative(spec.replicas.value_or(0), path.Child("replicas"), out);
  ValidateNonNegative(spec.min_ready_seconds, path.Child("minReadySeconds"), out);
  if (spec.ordinals) {
    ValidateNonNegative(spec.ordinals->start, path.Child("ordinals").Child("start"), out);
  }
  if (old == nullptr && !spec.service_name.empty()) {
    CheckFormat(Dns1123LabelErrors, spec.service_name, path.Child("serviceName"), out);
  }
  RequireSelector(spec.selector, "statefulset", path.Child("selector"), out);
  const FieldPath at = path.Child("template");
  if (spec.selector && !LabelSelector::From(*spec.selector)) {
    out.Invalid(path.Child("selector"), Printed(*spec.selector), "");
  } else {
    ValidateTemplate(spec, old, at, out);
  }
  CheckRunsForever(spec.template_.spec, "StatefulSet", at.Child("spec"), out);
}

// Judged as an update that changes nothing.
bool WasInvalid(const StatefulSetSpec& old) {
  Violations errors;
  ValidateSpec(old, &old, errors);
  return !errors.empty();
}

// The spec with all that may change taken from `old`.
StatefulSetSpec WithoutAllowedChanges(const StatefulSetSpec& spec, const StatefulSetSpec& old) {
  StatefulSetSpec undone = spec;
  undone.replicas = old.replicas;
  undone.ordinals = old.ordinals;
  undone.template_ = old.template_;
  undone.update_strategy = old.update_strategy;
  undone.min_ready_seconds = old.min_ready_seconds;
  undone.revision_history_limit = old.revision_history_limit;
  undone.persistent_volume_claim_retention_policy = old.persistent_volume_claim_retention_policy;
  return undone;
}

}  // namespace

void ValidateStatefulSet(const StatefulSet& object, Violations& out) {
  ValidateSpec(object.spec, nullptr, out);
}

void ValidateStatefulSetUpdate(const StatefulSet& object, const StatefulSet& old, Violations& out) {
  ValidateSpec(object.spec, &old.spec, out);
  if (WithoutAllowedChanges(object.spec, old.spec) == old.spec) return;
  out.Forbidden(FieldPath("spec"),
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                "'template', 'updateStrategy', 'revisionHistoryLimit', "
                "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

void ValidateStatefulSetStatus(const StatefulSet& object, const StatefulSet& old, Violations& out) {
  const auto& status = object.status;
  const FieldPath path("status");
  const auto counter = [&](int64_t value, const char* field) {
    ValidateNonNegative(value, path.Child(field), out);
  };
  counter(status.replicas, "replicas");
  counter(status.ready_replicas, "readyReplicas");
  counter(status.current_replicas, "currentReplicas");
  counter(status.updated_replicas, "updatedReplicas");
  counter(status.available_replicas, "availableReplicas");
  counter(status.observed_generation, "observedGeneration");
  if (status.collision_count) counter(*status.collision_count, "collisionCount");
  const auto at_most_replicas = [&](int32_t value, const char* field) {
    CheckAtMost(value, status.replicas, path.Child(field), "cannot be greater than status.replicas",
                out);
  };
  at_most_replicas(status.ready_replicas, "readyReplicas");
  at_most_replicas(status.current_replicas, "currentReplicas");
  at_most_replicas(status.updated_replicas, "updatedReplicas");
  at_most_replicas(status.available_replicas, "availableReplicas");
  CheckAtMost(status.available_replicas, status.ready_replicas, path.Child("availableReplicas"),
              "cannot be greater than status.readyReplicas", out);
  CheckNotDecremented(status.collision_count, old.status.collision_count,
                      path.Child("collisionCount"), out);
}

}  // namespace skiff
