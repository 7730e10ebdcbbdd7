// kube_pod_resource_request and kube_pod_resource_limit: what pods that have not ended ask for and
// may use, as kube-scheduler tells it at /metrics/resources.
#pragma once

#include <vector>

#include "base/metrics.h"
#include "client/manager.h"
#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

// `amounts`: of a pod's spec. A series for each that is not 0.
std::vector<Sample> PodResourceSamples(const std::vector<PodPtr>& pods,
                                       Resources (*amounts)(const core_v1::PodSpec& spec));

// Of the manager's pods; it lives as long as the registry is asked.
void AddPodResourceMetrics(MetricRegistry& registry, Manager& manager);

}  // namespace skiff::scheduler
