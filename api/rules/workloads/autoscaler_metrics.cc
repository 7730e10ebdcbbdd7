#include "api/rules/workloads/autoscaler_metrics.h"

namespace skiff {
namespace {

namespace v1 = autoscaling_v1;
namespace v2 = autoscaling_v2;
using Selector = Box<meta_v1::LabelSelector>;

template <typename To, typename From>
To Reference(const From& reference) {
  To made;
  made.kind = reference.kind;
  made.name = reference.name;
  made.api_version = reference.api_version;
  return made;
}

v2::MetricIdentifier Identifier(const std::string& name, const Selector& selector) {
  v2::MetricIdentifier made;
  made.name = name;
  made.selector = selector;
  return made;
}

v2::MetricTarget TargetOf(const char* type) {
  v2::MetricTarget made;
  made.type = type;
  return made;
}

// The source of a metric, of either resource kind.
template <typename To, typename From>
To ResourceSourceToV1(const From& source) {
  To made;
  made.name = source.name;
  made.target_average_utilization = source.target.average_utilization;
  made.target_average_value = source.target.average_value;
  return made;
}

template <typename To, typename From>
To ResourceSourceToV2(const From& source) {
  To made;
  made.name = source.name;
  made.target = TargetOf(source.target_average_utilization ? "Utilization" : "AverageValue");
  made.target.average_utilization = source.target_average_utilization;
  made.target.average_value = source.target_average_value;
  return made;
}

template <typename To, typename From>
To ResourceStatusToV1(const From& status) {
  To made;
  made.name = status.name;
  made.current_average_utilization = status.current.average_utilization;
  made.current_average_value = status.current.average_value.value_or(Quantity());
  return made;
}

template <typename To, typename From>
To ResourceStatusToV2(const From& status) {
  To made;
  made.name = status.name;
  made.current.average_utilization = status.current_average_utilization;
  made.current.average_value = status.current_average_value;
  return made;
}

v1::ObjectMetricSource ToV1(const v2::ObjectMetricSource& source) {
  v1::ObjectMetricSource made;
  made.target = Reference<v1::CrossVersionObjectReference>(source.described_object);
  made.metric_name = source.metric.name;
  made.selector = source.metric.selector;
  made.target_value = source.target.value.value_or(Quantity());
  made.average_value = source.target.average_value;
  return made;
}

v2::ObjectMetricSource ToV2(const v1::ObjectMetricSource& source) {
  v2::ObjectMetricSource made;
  made.described_object = Reference<v2::CrossVersionObjectReference>(source.target);
  made.metric = Identifier(source.metric_name, source.selector);
  made.target = TargetOf(source.average_value ? "AverageValue" : "Value");
  made.target.value = source.target_value;
  made.target.average_value = source.average_value;
  return made;
}

v1::ObjectMetricStatus ToV1(const v2::ObjectMetricStatus& status) {
  v1::ObjectMetricStatus made;
  made.target = Reference<v1::CrossVersionObjectReference>(status.described_object);
  made.metric_name = status.metric.name;
  made.selector = status.metric.selector;
  made.current_value = status.current.value.value_or(Quantity());
  made.average_value = status.current.average_value;
  return made;
}

v2::ObjectMetricStatus ToV2(const v1::ObjectMetricStatus& status) {
  v2::ObjectMetricStatus made;
  made.described_object = Reference<v2::CrossVersionObjectReference>(status.target);
  made.metric = Identifier(status.metric_name, status.selector);
  made.current.value = status.current_value;
  made.current.average_value = status.average_value;
  return made;
}

v1::PodsMetricSource ToV1(const v2::PodsMetricSource& source) {
  v1::PodsMetricSource made;
  made.metric_name = source.metric.name;
  made.selector = source.metric.selector;
  made.target_average_value = source.target.average_value.value_or(Quantity());
  return made;
}

v2::PodsMetricSource ToV2(const v1::PodsMetricSource& source) {
  v2::PodsMetricSource made;
  made.metric = Identifier(source.metric_name, source.selector);
  made.target = TargetOf("AverageValue");
  made.target.average_value = source.target_average_value;
  return made;
}

v1::PodsMetricStatus ToV1(const v2::PodsMetricStatus& status) {
  v1::PodsMetricStatus made;
  made.metric_name = status.metric.name;
  made.selector = status.metric.selector;
  made.current_average_value = status.current.average_value.value_or(Quantity());
  return made;
}

v2::PodsMetricStatus ToV2(const v1::PodsMetricStatus& status) {
  v2::PodsMetricStatus made;
  made.metric = Identifier(status.metric_name, status.selector);
  made.current.average_value = status.current_average_value;
  return made;
}

v1::ResourceMetricSource ToV1(const v2::ResourceMetricSource& source) {
  return ResourceSourceToV1<v1::ResourceMetricSource>(source);
}

v2::ResourceMetricSource ToV2(const v1::ResourceMetricSource& source) {
  return ResourceSourceToV2<v2::ResourceMetricSource>(source);
}

v1::ResourceMetricStatus ToV1(const v2::ResourceMetricStatus& status) {
  return ResourceStatusToV1<v1::ResourceMetricStatus>(status);
}

v2::ResourceMetricStatus ToV2(const v1::ResourceMetricStatus& status) {
  return ResourceStatusToV2<v2::ResourceMetricStatus>(status);
}

v1::ContainerResourceMetricSource ToV1(const v2::ContainerResourceMetricSource& source) {
  auto made = ResourceSourceToV1<v1::ContainerResourceMetricSource>(source);
  made.container = source.container;
  return made;
}

v2::ContainerResourceMetricSource ToV2(const v1::ContainerResourceMetricSource& source) {
  auto made = ResourceSourceToV2<v2::ContainerResourceMetricSource>(source);
  made.container = source.container;
  return made;
}

v1::ContainerResourceMetricStatus ToV1(const v2::ContainerResourceMetricStatus& status) {
  auto made = ResourceStatusToV1<v1::ContainerResourceMetricStatus>(status);
  made.container = status.container;
  return made;
}

v2::ContainerResourceMetricStatus ToV2(const v1::ContainerResourceMetricStatus& status) {
  auto made = ResourceStatusToV2<v2::ContainerResourceMetricStatus>(status);
  made.container = status.container;
  return made;
}

v1::ExternalMetricSource ToV1(const v2::ExternalMetricSource& source) {
  v1::ExternalMetricSource made;
  made.metric_name = source.metric.name;
  made.metric_selector = source.metric.selector;
  made.target_value = source.target.value;
  made.target_average_value = source.target.average_value;
  return made;
}

v2::ExternalMetricSource ToV2(const v1::ExternalMetricSource& source) {
  v2::ExternalMetricSource made;
  made.metric = Identifier(source.metric_name, source.metric_selector);
  made.target = TargetOf(source.target_value ? "Value" : "AverageValue");
  made.target.value = source.target_value;
  made.target.average_value = source.target_average_value;
  return made;
}

v1::ExternalMetricStatus ToV1(const v2::ExternalMetricStatus& status) {
  v1::ExternalMetricStatus made;
  made.metric_name = status.metric.name;
  made.metric_selector = status.metric.selector;
  made.current_value = status.current.value.value_or(Quantity());
  made.current_average_value = status.current.average_value;
  return made;
}

v2::ExternalMetricStatus ToV2(const v1::ExternalMetricStatus& status) {
  v2::ExternalMetricStatus made;
  made.metric = Identifier(status.metric_name, status.metric_selector);
  made.current.value = status.current_value;
  made.current.average_value = status.current_average_value;
  return made;
}

// Specs and statuses name their parts alike.
template <typename To, typename From>
To PartsToV1(const From& metric) {
  To made;
  made.type = metric.type;
  if (metric.object) made.object = ToV1(*metric.object);
  if (metric.pods) made.pods = ToV1(*metric.pods);
  if (metric.resource) made.resource = ToV1(*metric.resource);
  if (metric.container_resource) made.container_resource = ToV1(*metric.container_resource);
  if (metric.external) made.external = ToV1(*metric.external);
  return made;
}

template <typename To, typename From>
To PartsToV2(const From& metric) {
  To made;
  made.type = metric.type;
  if (metric.object) made.object = ToV2(*metric.object);
  if (metric.pods) made.pods = ToV2(*metric.pods);
  if (metric.resource) made.resource = ToV2(*metric.resource);
  if (metric.container_resource) made.container_resource = ToV2(*metric.container_resource);
  if (metric.external) made.external = ToV2(*metric.external);
  return made;
}

}  // namespace

v1::MetricSpec MetricToV1(const v2::MetricSpec& metric) {
  return PartsToV1<v1::MetricSpec>(metric);
}

v1::MetricStatus MetricToV1(const v2::MetricStatus& metric) {
  return PartsToV1<v1::MetricStatus>(metric);
}

v2::MetricSpec MetricToV2(const v1::MetricSpec& metric) {
  return PartsToV2<v2::MetricSpec>(metric);
}

v2::MetricStatus MetricToV2(const v1::MetricStatus& metric) {
  return PartsToV2<v2::MetricStatus>(metric);
}

}  // namespace skiff
