// What is counted of requests on the pod resources socket: kubelet_pod_resources_endpoint_*.
#pragma once

#include "base/metrics.h"

namespace skiff::kubelet {

// Each by server_api_version.
struct PodResourcesMetrics {
  explicit PodResourcesMetrics(MetricRegistry& registry);
  CounterFamily& requests;
  CounterFamily& lists;
  CounterFamily& allocatables;
  CounterFamily& gets;
  CounterFamily& get_errors;
};

}  // namespace skiff::kubelet
