// What the schema cannot say about a HorizontalPodAutoscaler of either version.
#include <algorithm>
#include <span>
#include <string>

#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/autoscaler_conversion.h"
#include "api/rules/workloads/horizontal_pod_autoscaler_validation.h"

namespace skiff {
namespace {

using autoscaling_v2::HorizontalPodAutoscaler;
using autoscaling_v2::HPAScalingPolicy;
using autoscaling_v2::HPAScalingRules;
using V1 = autoscaling_v1::HorizontalPodAutoscaler;

HPAScalingPolicy Policy(const char* type, int32_t value) {
  HPAScalingPolicy policy;
  policy.type = type;
  policy.value = value;
  policy.period_seconds = 15;
  return policy;
}

void DefaultMetrics(std::vector<autoscaling_v2::MetricSpec>& metrics) {
  if (!metrics.empty()) return;
  auto& metric = metrics.emplace_back();
  metric.type = "Resource";
  auto& resource = metric.resource.emplace();
  resource.name = "cpu";
  resource.target.type = "Utilization";
  resource.target.average_utilization = kDefaultCpuUtilization;
}

void DefaultBehavior(autoscaling_v2::HorizontalPodAutoscalerBehavior& behavior) {
  HPAScalingRules& up = behavior.scale_up.Ensure();
  Default(up.stabilization_window_seconds, 0);
  Default(up.select_policy, "Max");
  Default(up.policies, std::vector{Policy("Pods", 4), Policy("Percent", 100)});
  HPAScalingRules& down = behavior.scale_down.Ensure();
  Default(down.select_policy, "Max");
  Default(down.policies, std::vector{Policy("Percent", 100)});
}

void SetDefaults(HorizontalPodAutoscaler& object) {
  DropAutoscalerAnnotations(object.metadata.annotations);
  Default(object.spec.min_replicas, 1);
  DefaultMetrics(object.spec.metrics);
  if (object.spec.behavior) DefaultBehavior(*object.spec.behavior);
}

// Policies are defaulted where there is no list of them; a list without any is a mistake.
void KeepEmptyPolicies(HorizontalPodAutoscaler& object, std::span<const std::string> given) {
  if (!object.spec.behavior) return;
  const auto keep = [&](Box<HPAScalingRules>& rules, const char* place) {
    if (rules && std::ranges::find(given, place) != given.end()) rules->policies.clear();
  };
  keep(object.spec.behavior->scale_up, "/spec/behavior/scaleUp/policies");
  keep(object.spec.behavior->scale_down, "/spec/behavior/scaleDown/policies");
}

// Objects of v1 go through v2 on their way: what their annotations say is as much a part of spec
// and status as what has a field.
template <typename Change>
void ThroughV2(V1& object, Change change) {
  HorizontalPodAutoscaler whole = AutoscalerToV2(object);
  change(whole);
  object = AutoscalerToV1(whole);
  // What only the percentage in the status told: the annotation would claim an amount as well.
  const auto& measured = whole.status.current_metrics;
  if (measured.size() == 1 && measured[0].resource &&
      !measured[0].resource->current.average_value) {
    object.metadata.annotations.erase("autoscaling.alpha.kubernetes.io/current-metrics");
  }
}

void SetDefaultsV1(V1& object) {
  Default(object.spec.min_replicas, 1);
  ThroughV2(object, [](HorizontalPodAutoscaler&) {});
}

void PrepareCreateV1(V1& object) {
  ThroughV2(object, [](HorizontalPodAutoscaler& whole) { ClearStatus(whole); });
}

void PrepareUpdateV1(V1& object, const V1& old) {
  const HorizontalPodAutoscaler before = AutoscalerToV2(old);
  ThroughV2(object, [&](HorizontalPodAutoscaler& whole) { KeepStatus(whole, before); });
}

void PrepareStatusUpdateV1(V1& object, const V1& old) {
  const HorizontalPodAutoscaler before = AutoscalerToV2(old);
  ThroughV2(object, [&](HorizontalPodAutoscaler& whole) { KeepSpec(whole, before); });
}

void ValidateV1(const V1& object, Violations& out) {
  ValidateAutoscaler(AutoscalerToV2(object), out);
}

void ValidateUpdateV1(const V1& object, const V1& old, Violations& out) {
  ValidateAutoscalerUpdate(AutoscalerToV2(object), AutoscalerToV2(old), out);
}

void ValidateStatusUpdateV1(const V1& object, const V1& old, Violations& out) {
  ValidateAutoscalerStatus(AutoscalerToV2(object), AutoscalerToV2(old), out);
}

}  // namespace

constexpr RulesOf<HorizontalPodAutoscaler> kTypedHorizontalPodAutoscalerRules = {
    .set_defaults = SetDefaults,
    .keep_empty_lists = KeepEmptyPolicies,
    .prepare_create = ClearStatus<HorizontalPodAutoscaler>,
    .prepare_update = KeepStatus<HorizontalPodAutoscaler>,
    .prepare_status_update = KeepSpec<HorizontalPodAutoscaler>,
    .validate = ValidateAutoscaler,
    .validate_update = ValidateAutoscalerUpdate,
    .validate_status_update = ValidateAutoscalerStatus,
};
constinit const Rules kHorizontalPodAutoscalerRules = Erase<kTypedHorizontalPodAutoscalerRules>();

constexpr RulesOf<V1> kTypedHorizontalPodAutoscalerV1Rules = {
    .set_defaults = SetDefaultsV1,
    .prepare_create = PrepareCreateV1,
    .prepare_update = PrepareUpdateV1,
    .prepare_status_update = PrepareStatusUpdateV1,
    .validate = ValidateV1,
    .validate_update = ValidateUpdateV1,
    .validate_status_update = ValidateStatusUpdateV1,
};
constinit const Rules kHorizontalPodAutoscalerV1Rules =
    Erase<kTypedHorizontalPodAutoscalerV1Rules>();

}  // namespace skiff
