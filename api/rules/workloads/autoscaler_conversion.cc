#include "api/rules/workloads/autoscaler_conversion.h"

#include <cctype>
#include <optional>
#include <vector>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/rules/workloads/autoscaler_metrics.h"

namespace skiff {
namespace {

namespace v1 = autoscaling_v1;
namespace v2 = autoscaling_v2;

using AnnotationMap = std::map<std::string, std::string>;

constexpr const char* kMetrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr const char* kCurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr const char* kConditions = "autoscaling.alpha.kubernetes.io/conditions";
constexpr const char* kBehavior = "autoscaling.alpha.kubernetes.io/behavior";

// As many bytes as all annotations of an object may have. A longer one counts for none: it is read
// many times on its way, before anything looks at its length, and "{}" is a metric.
constexpr size_t kReadBytesMax = 256 << 10;

template <typename To, typename From>
To Converted(const From& condition) {
  To made;
  made.type = condition.type;
  made.status = condition.status;
  made.last_transition_time = condition.last_transition_time;
  made.reason = condition.reason;
  made.message = condition.message;
  return made;
}

template <typename To, typename From>
To Reference(const From& reference) {
  To made;
  made.kind = reference.kind;
  made.name = reference.name;
  made.api_version = reference.api_version;
  return made;
}

template <typename Metric>
bool IsOfCpu(const Metric& metric) {
  return metric.type == "Resource" && metric.resource && metric.resource->name == "cpu";
}

template <ApiType T>
std::string ListText(const std::vector<T>& items) {
  std::string text = "[";
  for (const T& item : items) {
    if (text.size() > 1) text += ',';
    AppendValue(T::Describe(), ToJson(item), text);
  }
  return text + "]";
}

// nullopt when there is no such annotation, or when it is no list of these.
template <ApiType T>
std::optional<std::vector<T>> ListIn(const AnnotationMap& annotations, const char* name) {
  const auto found = annotations.find(name);
  if (found == annotations.end() || found->second.size() > kReadBytesMax) return std::nullopt;
  const auto parsed = ParseJson(found->second);
  if (!parsed || !(parsed->is_array() || parsed->is_null())) return std::nullopt;
  std::vector<T> items;
  for (const Json& item : *parsed) {
    auto made = FromJson<T>(item);
    if (!made) return std::nullopt;
    items.push_back(std::move(*made));
  }
  return items;
}

// The behavior is written under the names of Go's fields, with everything that is nil.
nlohmann::ordered_json RulesJson(const Box<v2::HPAScalingRules>& rules) {
  using Ordered = nlohmann::ordered_json;
  if (!rules) return nullptr;
  const auto& window = rules->stabilization_window_seconds;
  const auto& select = rules->select_policy;
  Ordered made = Ordered::object();
  made["StabilizationWindowSeconds"] = window ? Ordered(*window) : Ordered();
  made["SelectPolicy"] = select ? Ordered(*select) : Ordered();
  Ordered& policies = made["Policies"];
  for (const v2::HPAScalingPolicy& policy : rules->policies) {
    Ordered one = Ordered::object();
    one["Type"] = policy.type;
    one["Value"] = policy.value;
    one["PeriodSeconds"] = policy.period_seconds;
    policies.push_back(std::move(one));
  }
  made["Tolerance"] = rules->tolerance ? Ordered(rules->tolerance->Text()) : Ordered();
  return made;
}

std::string BehaviorText(const v2::HorizontalPodAutoscalerBehavior& behavior) {
  nlohmann::ordered_json made = nlohmann::ordered_json::object();
  made["ScaleUp"] = RulesJson(behavior.scale_up);
  made["ScaleDown"] = RulesJson(behavior.scale_down);
  return made.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// "ScaleUp" to "scaleUp", and so on inside. The depth is that of the behavior, three levels.
Json WithSmallNames(const Json& value, int depth = 0) {
  constexpr int kDepthMax = 4;
  if (depth > kDepthMax) return value;
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& item : value) list.push_back(WithSmallNames(item, depth + 1));
    return list;
  }
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (const auto& [name, member] : value.items()) {
    std::string small = name;
    if (!small.empty()) small[0] = static_cast<char>(std::tolower(small[0]));
    object[small] = WithSmallNames(member, depth + 1);
  }
  return object;
}

void ReadBehavior(const AnnotationMap& annotations, Box<v2::HorizontalPodAutoscalerBehavior>& out) {
  const auto found = annotations.find(kBehavior);
  if (found == annotations.end() || found->second.size() > kReadBytesMax) return;
  const auto parsed = ParseJson(found->second);
  if (!parsed || !parsed->is_object()) return;
  auto behavior = FromJson<v2::HorizontalPodAutoscalerBehavior>(WithSmallNames(*parsed));
  if (behavior && (behavior->scale_up || behavior->scale_down)) out = std::move(*behavior);
}

v2::MetricSpec CpuMetric(int32_t percent) {
  v2::MetricSpec metric;
  metric.type = "Resource";
  auto& resource = metric.resource.emplace();
  resource.name = "cpu";
  resource.target.type = "Utilization";
  resource.target.average_utilization = percent;
  return metric;
}

void SpecToV1(const v2::HorizontalPodAutoscalerSpec& spec, v1::HorizontalPodAutoscaler& out) {
  out.spec.scale_target_ref = Reference<v1::CrossVersionObjectReference>(spec.scale_target_ref);
  out.spec.min_replicas = spec.min_replicas;
  out.spec.max_replicas = spec.max_replicas;
  // v1 shows the first percentage of the CPU that is aimed at, and leaves out any others.
  std::vector<v1::MetricSpec> others;
  for (const v2::MetricSpec& metric : spec.metrics) {
    const bool is_percentage = IsOfCpu(metric) && metric.resource->target.average_utilization;
    if (!is_percentage) {
      others.push_back(MetricToV1(metric));
    } else if (!out.spec.target_cpu_utilization_percentage) {
      out.spec.target_cpu_utilization_percentage = metric.resource->target.average_utilization;
    }
  }
  if (!others.empty()) out.metadata.annotations[kMetrics] = ListText(others);
  if (spec.behavior) out.metadata.annotations[kBehavior] = BehaviorText(*spec.behavior);
}

void StatusToV1(const v2::HorizontalPodAutoscalerStatus& status,
                v1::HorizontalPodAutoscaler& out) {
  out.status.observed_generation = status.observed_generation;
  out.status.last_scale_time = status.last_scale_time;
  out.status.current_replicas = status.current_replicas;
  out.status.desired_replicas = status.desired_replicas;
  std::vector<v1::MetricStatus> measured;
  for (const v2::MetricStatus& metric : status.current_metrics) {
    measured.push_back(MetricToV1(metric));
    if (!IsOfCpu(metric)) continue;
    const auto& percent = metric.resource->current.average_utilization;
    if (percent) out.status.current_cpu_utilization_percentage = percent;
  }
  std::vector<v1::HorizontalPodAutoscalerCondition> conditions;
  for (const v2::HorizontalPodAutoscalerCondition& condition : status.conditions) {
    conditions.push_back(Converted<v1::HorizontalPodAutoscalerCondition>(condition));
  }
  if (!measured.empty()) out.metadata.annotations[kCurrentMetrics] = ListText(measured);
  if (!conditions.empty()) out.metadata.annotations[kConditions] = ListText(conditions);
}

void SpecToV2(const v1::HorizontalPodAutoscaler& from, v2::HorizontalPodAutoscalerSpec& spec) {
  spec.scale_target_ref = Reference<v2::CrossVersionObjectReference>(from.spec.scale_target_ref);
  spec.min_replicas = from.spec.min_replicas;
  spec.max_replicas = from.spec.max_replicas;
  const auto others = ListIn<v1::MetricSpec>(from.metadata.annotations, kMetrics);
  if (others) {
    for (const v1::MetricSpec& metric : *others) spec.metrics.push_back(MetricToV2(metric));
  }
  const auto& percent = from.spec.target_cpu_utilization_percentage;
  if (percent || spec.metrics.empty()) {
    spec.metrics.push_back(CpuMetric(percent.value_or(kDefaultCpuUtilization)));
  }
  ReadBehavior(from.metadata.annotations, spec.behavior);
}

void StatusToV2(const v1::HorizontalPodAutoscaler& from,
                v2::HorizontalPodAutoscalerStatus& status) {
  status.observed_generation = from.status.observed_generation;
  status.last_scale_time = from.status.last_scale_time;
  status.current_replicas = from.status.current_replicas;
  status.desired_replicas = from.status.desired_replicas;
  const AnnotationMap& annotations = from.metadata.annotations;
  const auto& percent = from.status.current_cpu_utilization_percentage;
  if (const auto measured = ListIn<v1::MetricStatus>(annotations, kCurrentMetrics)) {
    for (const v1::MetricStatus& metric : *measured) {
      status.current_metrics.push_back(MetricToV2(metric));
    }
  } else if (percent) {
    v2::MetricStatus& metric = status.current_metrics.emplace_back();
    metric.type = "Resource";
    auto& resource = metric.resource.emplace();
    resource.name = "cpu";
    resource.current.average_utilization = percent;
  }
  const auto conditions = ListIn<v1::HorizontalPodAutoscalerCondition>(annotations, kConditions);
  if (!conditions) return;
  for (const v1::HorizontalPodAutoscalerCondition& condition : *conditions) {
    status.conditions.push_back(Converted<v2::HorizontalPodAutoscalerCondition>(condition));
  }
}

}  // namespace

v1::HorizontalPodAutoscaler AutoscalerToV1(const v2::HorizontalPodAutoscaler& autoscaler) {
  v1::HorizontalPodAutoscaler made;
  made.metadata = autoscaler.metadata;
  DropAutoscalerAnnotations(made.metadata.annotations);
  SpecToV1(autoscaler.spec, made);
  StatusToV1(autoscaler.status, made);
  return made;
}

v2::HorizontalPodAutoscaler AutoscalerToV2(const v1::HorizontalPodAutoscaler& autoscaler) {
  v2::HorizontalPodAutoscaler made;
  made.metadata = autoscaler.metadata;
  DropAutoscalerAnnotations(made.metadata.annotations);
  SpecToV2(autoscaler, made.spec);
  StatusToV2(autoscaler, made.status);
  return made;
}

void DropAutoscalerAnnotations(AnnotationMap& annotations) {
  for (const char* name : {kMetrics, kCurrentMetrics, kConditions, kBehavior}) {
    annotations.erase(name);
  }
}

}  // namespace skiff
