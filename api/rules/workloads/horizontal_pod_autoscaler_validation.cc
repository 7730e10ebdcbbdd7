#include "api/rules/workloads/horizontal_pod_autoscaler_validation.h"

#include "api/gen/autoscaling_v2.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/devices/resource_names.h"

namespace skiff {
namespace {

using namespace autoscaling_v2;

constexpr int32_t kWindowSecondsMax = 3600;
constexpr int32_t kPeriodSecondsMax = 1800;

// `group_required`: a scale target names its group, unless it is of the core.
void ValidateReference(const CrossVersionObjectReference& reference, bool group_required,
                       const FieldPath& path, Violations& out) {
  RequireFormat(PathSegmentErrors, reference.kind, path.Child("kind"), out);
  RequireFormat(PathSegmentErrors, reference.name, path.Child("name"), out);
  const std::string& version = reference.api_version;
  const FieldPath at = path.Child("apiVersion");
  if (const size_t slash = version.find('/'); slash != version.rfind('/')) {
    out.Invalid(at, version, "unexpected GroupVersion string: " + version);
  } else if (group_required && (slash == std::string::npos || slash == 0) &&
             reference.kind != "ReplicationController") {
    out.Invalid(at, version, "apiVersion must specify API group");
  }
}

void ValidateTarget(const MetricTarget& target, const FieldPath& path, Violations& out) {
  if (target.type.empty()) {
    out.Required(path.Child("type"), "must specify a metric target type");
  }
  if (!IsOneOf(target.type, {"Utilization", "Value", "AverageValue"})) {
    out.Invalid(path.Child("type"), target.type,
                "must be either Utilization, Value, or AverageValue");
  }
  const auto positive = [&](const std::optional<Quantity>& amount, const char* field) {
    if (amount && *amount <= Quantity()) {
      out.Invalid(path.Child(field), amount->Text(), "must be positive");
    }
  };
  positive(target.value, "value");
  positive(target.average_value, "averageValue");
  if (target.average_utilization && *target.average_utilization < 1) {
    out.Invalid(path.Child("averageUtilization"), *target.average_utilization,
                "must be greater than 0");
  }
}

void ValidateMetricName(const MetricIdentifier& metric, const FieldPath& path, Violations& out) {
  if (metric.name.empty()) return out.Required(path.Child("name"), "must specify a metric name");
  CheckFormat(PathSegmentErrors, metric.name, path.Child("name"), out);
}

void ValidateObject(const ObjectMetricSource& source, const FieldPath& path, Violations& out) {
  ValidateReference(source.described_object, false, path.Child("describedObject"), out);
  ValidateMetricName(source.metric, path.Child("metric"), out);
  ValidateTarget(source.target, path.Child("target"), out);
  if (!source.target.value && !source.target.average_value) {
    out.Required(path.Child("target").Child("averageValue"),
                 "must set either a target value or averageValue");
  }
}

void ValidateExternal(const ExternalMetricSource& source, const FieldPath& path, Violations& out) {
  ValidateMetricName(source.metric, path.Child("metric"), out);
  const FieldPath target = path.Child("target");
  ValidateTarget(source.target, target, out);
  if (!source.target.value && !source.target.average_value) {
    out.Required(target.Child("averageValue"),
                 "must set either a target value for metric or a per-pod target");
  }
  if (source.target.value && source.target.average_value) {
    out.Forbidden(target.Child("value"),
                  "may not set both a target value for metric and a per-pod target");
  }
}

void ValidatePods(const PodsMetricSource& source, const FieldPath& path, Violations& out) {
  ValidateMetricName(source.metric, path.Child("metric"), out);
  ValidateTarget(source.target, path.Child("target"), out);
  if (!source.target.average_value) {
    out.Required(path.Child("target").Child("averageValue"),
                 "must specify a positive target averageValue");
  }
}

void ValidateRawOrUtilization(const MetricTarget& target, const FieldPath& path, Violations& out) {
  ValidateTarget(target, path, out);
  if (!target.average_utilization && !target.average_value) {
    out.Required(path.Child("averageUtilization"),
                 "must set either a target raw value or a target utilization");
  }
  if (target.average_utilization && target.average_value) {
    out.Forbidden(path.Child("averageValue"),
                  "may not set both a target raw value and a target utilization");
  }
}

void ValidateResource(const ResourceMetricSource& source, const FieldPath& path, Violations& out) {
  if (source.name.empty()) out.Required(path.Child("name"), "must specify a resource name");
  ValidateRawOrUtilization(source.target, path.Child("target"), out);
}

void ValidateContainerResource(const ContainerResourceMetricSource& source, const FieldPath& path,
                               Violations& out) {
  if (source.name.empty()) {
    out.Required(path.Child("name"), "must specify a resource name");
  } else {
    ValidateContainerResourceName(source.name, path.Child("name"), out);
  }
  if (source.container.empty()) {
    out.Required(path.Child("container"), "must specify a container");
  } else {
    CheckFormat(Dns1123LabelErrors, source.container, path.Child("container"), out);
  }
  ValidateRawOrUtilization(source.target, path.Child("target"), out);
}

void ValidateMetric(const MetricSpec& metric, const FieldPath& path, Violations& out) {
  static constexpr Words kTypes = {"ContainerResource", "External", "Object", "Pods", "Resource"};
  if (metric.type.empty()) {
    out.Required(path.Child("type"), "must specify a metric source type");
  }
  CheckOneOf(metric.type, kTypes, path.Child("type"), out);
  std::vector<std::string> set;
  const auto first = [&](const auto& source, const char* field) {
    if (!source) return false;
    set.emplace_back(field);
    return set.size() == 1;
  };
  if (first(metric.object, "object")) ValidateObject(*metric.object, path.Child("object"), out);
  if (first(metric.external, "external")) {
    ValidateExternal(*metric.external, path.Child("external"), out);
  }
  if (first(metric.pods, "pods")) ValidatePods(*metric.pods, path.Child("pods"), out);
  if (first(metric.resource, "resource")) {
    ValidateResource(*metric.resource, path.Child("resource"), out);
  }
  if (first(metric.container_resource, "containerResource")) {
    ValidateContainerResource(*metric.container_resource, path.Child("containerResource"), out);
  }
  // Kubernetes says it a second time, where it looks for the source that the type names.
  std::string named;
  if (IsOneOf(metric.type, kTypes)) {
    named = metric.type;
    named[0] = static_cast<char>(std::tolower(named[0]));
  } else {
    CheckOneOf(metric.type, kTypes, path.Child("type"), out);
  }
  if (!named.empty() && std::ranges::find(set, named) == set.end()) {
    out.Required(path.Child(named), "must populate information for the given metric source");
  }
  if (set.size() == 1) return;
  for (const std::string& field : set) {
    if (field != named) {
      out.Forbidden(path.Child(field), "must populate the given metric source only");
    }
  }
}

void ValidateScalingRules(const HPAScalingRules& rules, const FieldPath& path, Violations& out) {
  if (rules.stabilization_window_seconds) {
    const int32_t seconds = *rules.stabilization_window_seconds;
    const FieldPath at = path.Child("stabilizationWindowSeconds");
    if (seconds < 0) out.Invalid(at, seconds, "must be greater than or equal to zero");
    if (seconds > kWindowSecondsMax) {
      out.Invalid(at, seconds, "must be less than or equal to 3600");
    }
  }
  if (rules.select_policy) {
    CheckOneOf(*rules.select_policy, {"Disabled", "Max", "Min"}, path.Child("selectPolicy"), out);
  }
  const FieldPath list = path.Child("policies");
  if (rules.policies.empty()) out.Required(list, "must specify at least one Policy");
  for (size_t i = 0; i < rules.policies.size(); ++i) {
    const HPAScalingPolicy& policy = rules.policies[i];
    const FieldPath at = list.Index(i);
    CheckOneOf(policy.type, {"Percent", "Pods"}, at.Child("type"), out);
    ValidatePositive(policy.value, at.Child("value"), out);
    ValidatePositive(policy.period_seconds, at.Child("periodSeconds"), out);
    if (policy.period_seconds > kPeriodSecondsMax) {
      out.Invalid(at.Child("periodSeconds"), policy.period_seconds,
                  "must be less than or equal to 1800");
    }
  }
  if (rules.tolerance && *rules.tolerance < Quantity()) {
    out.Invalid(path.Child("tolerance"), rules.tolerance->Text(), kMustBeNonNegative);
  }
}

// `may_be_zero`: the object was allowed to scale to nothing before.
void ValidateBounds(const HorizontalPodAutoscalerSpec& spec, bool may_be_zero, bool check_group,
                    Violations& out) {
  const FieldPath path("spec");
  const int32_t least = may_be_zero ? 0 : 1;
  if (spec.min_replicas && *spec.min_replicas < least) {
    out.Invalid(path.Child("minReplicas"), *spec.min_replicas,
                "must be greater than or equal to " + std::to_string(least));
  }
  if (spec.max_replicas < 1) {
    out.Invalid(path.Child("maxReplicas"), spec.max_replicas, "must be greater than 0");
  }
  if (spec.min_replicas && spec.max_replicas < *spec.min_replicas) {
    out.Invalid(path.Child("maxReplicas"), spec.max_replicas,
                "must be greater than or equal to `minReplicas`");
  }
  ValidateReference(spec.scale_target_ref, check_group, path.Child("scaleTargetRef"), out);
}

void ValidateSpec(const HorizontalPodAutoscalerSpec& spec, bool may_be_zero, bool check_group,
                  Violations& out) {
  const FieldPath path("spec");
  ValidateBounds(spec, may_be_zero, check_group, out);
  bool scales_from_zero = false;
  for (size_t i = 0; i < spec.metrics.size(); ++i) {
    ValidateMetric(spec.metrics[i], path.Child("metrics").Index(i), out);
    scales_from_zero = scales_from_zero || IsOneOf(spec.metrics[i].type, {"Object", "External"});
  }
  if (spec.min_replicas == 0 && !scales_from_zero) {
    out.Forbidden(path.Child("metrics"),
                  "must specify at least one Object or External metric to support scaling to zero "
                  "replicas");
  }
  if (!spec.behavior) return;
  const FieldPath at = path.Child("behavior");
  if (spec.behavior->scale_up) {
    ValidateScalingRules(*spec.behavior->scale_up, at.Child("scaleUp"), out);
  }
  if (spec.behavior->scale_down) {
    ValidateScalingRules(*spec.behavior->scale_down, at.Child("scaleDown"), out);
  }
}

bool SameTargetKind(const HorizontalPodAutoscaler& object, const HorizontalPodAutoscaler& old) {
  return object.spec.scale_target_ref.kind == old.spec.scale_target_ref.kind &&
         object.spec.scale_target_ref.api_version == old.spec.scale_target_ref.api_version;
}

void ValidateStatus(const HorizontalPodAutoscaler& object, Violations& out) {
  const FieldPath path("status");
  ValidateNonNegative(object.status.current_replicas, path.Child("currentReplicas"), out);
  ValidateNonNegative(object.status.desired_replicas, path.Child("desiredReplicas"), out);
}

}  // namespace

void ValidateAutoscaler(const HorizontalPodAutoscaler& object, Violations& out) {
  ValidateSpec(object.spec, false, true, out);
}

void ValidateAutoscalerUpdate(const HorizontalPodAutoscaler& object,
                              const HorizontalPodAutoscaler& old, Violations& out) {
  ValidateSpec(object.spec, old.spec.min_replicas == 0, !SameTargetKind(object, old), out);
}

void ValidateAutoscalerStatus(const HorizontalPodAutoscaler& object, const HorizontalPodAutoscaler&,
                              Violations& out) {
  ValidateStatus(object, out);
}

}  // namespace skiff
