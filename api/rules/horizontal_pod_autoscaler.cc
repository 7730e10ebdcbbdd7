// What the schema cannot say about a HorizontalPodAutoscaler of either version.
#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/rules/defaults.h"
#include "api/rules/horizontal_pod_autoscaler_validation.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using autoscaling_v2::HorizontalPodAutoscaler;
using autoscaling_v2::HPAScalingPolicy;
using autoscaling_v2::HPAScalingRules;
using V1 = autoscaling_v1::HorizontalPodAutoscaler;

constexpr int32_t kCpuUtilizationPercent = 80;

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
  resource.target.average_utilization = kCpuUtilizationPercent;
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
  Default(object.spec.min_replicas, 1);
  DefaultMetrics(object.spec.metrics);
  if (object.spec.behavior) DefaultBehavior(*object.spec.behavior);
}

void SetDefaultsV1(V1& object) {
  Default(object.spec.min_replicas, 1);
  // Other metrics are carried in this annotation.
  if (!object.metadata.annotations.contains("autoscaling.alpha.kubernetes.io/metrics")) {
    Default(object.spec.target_cpu_utilization_percentage, kCpuUtilizationPercent);
  }
}

}  // namespace

Rules HorizontalPodAutoscalerRules() {
  return Erase<HorizontalPodAutoscaler>({
      .set_defaults = SetDefaults,
      .prepare_create = ClearStatus<HorizontalPodAutoscaler>,
      .prepare_update = KeepStatus<HorizontalPodAutoscaler>,
      .prepare_status_update = KeepSpec<HorizontalPodAutoscaler>,
      .validate = ValidateAutoscaler,
      .validate_update = ValidateAutoscalerUpdate,
      .validate_status_update = ValidateAutoscalerStatus,
  });
}

Rules HorizontalPodAutoscalerV1Rules() {
  return Erase<V1>({
      .set_defaults = SetDefaultsV1,
      .prepare_create = ClearStatus<V1>,
      .prepare_update = KeepStatus<V1>,
      .prepare_status_update = KeepSpec<V1>,
      .validate = ValidateAutoscalerV1,
      .validate_update = ValidateAutoscalerV1Update,
      .validate_status_update = ValidateAutoscalerV1Status,
  });
}

}  // namespace skiff
