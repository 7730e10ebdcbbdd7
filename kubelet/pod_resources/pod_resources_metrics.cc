#include "kubelet/pod_resources/pod_resources_metrics.h"

#include <string>

namespace skiff::kubelet {
namespace {

CounterFamily& Add(MetricRegistry& registry, const char* name, const char* what) {
  return registry.AddCounter({std::string("kubelet_pod_resources_endpoint_") + name,
                              std::string("[ALPHA] ") + what,
                              {"server_api_version"}});
}

}  // namespace

PodResourcesMetrics::PodResourcesMetrics(MetricRegistry& registry)
    : requests(Add(registry, "requests_total", "Requests on the pod resources socket.")),
      lists(Add(registry, "requests_list", "Requests for the devices of all pods.")),
      allocatables(Add(registry, "requests_get_allocatable", "Requests for what there is.")),
      gets(Add(registry, "requests_get", "Requests for the devices of one pod.")),
      get_errors(Add(registry, "errors_get", "Requests for the devices of one pod that failed.")) {}

}  // namespace skiff::kubelet
