#include "controllers/scheduler/pod_resource_metrics.h"

#include <string>
#include <string_view>
#include <utility>

#include "api/pods/pod_phase.h"
#include "api/pods/pod_resources.h"

namespace skiff::scheduler {
namespace {

constexpr double kMilliPerCore = 1000;

std::string UnitOf(std::string_view resource) {
  if (resource == "storage" || resource.starts_with("hugepages-")) return "bytes";
  return resource.starts_with("attachable-volumes-") ? "integer" : "";
}

}  // namespace

std::vector<Sample> PodResourceSamples(const std::vector<PodPtr>& pods,
                                       Resources (*amounts)(const core_v1::PodSpec& spec)) {
  std::vector<Sample> samples;
  for (const PodPtr& pod : pods) {
    const core_v1::PodSpec& spec = pod->spec;
    if (!spec.node_name.empty() && HasEnded(pod->status.phase)) continue;
    const std::string priority = spec.priority ? std::to_string(*spec.priority) : "";
    const auto add = [&](const std::string& resource, const std::string& unit, double amount) {
      if (amount == 0) return;
      samples.push_back({{pod->metadata.namespace_, pod->metadata.name, spec.node_name,
                          spec.scheduler_name, priority, resource, unit},
                         amount});
    };
    const Resources all = amounts(spec);
    add("cpu", "cores", static_cast<double>(all.milli_cpu) / kMilliPerCore);
    add("memory", "bytes", static_cast<double>(all.memory));
    add("ephemeral-storage", "bytes", static_cast<double>(all.ephemeral_storage));
    for (const auto& [resource, amount] : all.scalar) {
      add(resource, UnitOf(resource), static_cast<double>(amount));
    }
  }
  return samples;
}

void AddPodResourceMetrics(MetricRegistry& registry, Manager& manager) {
  const auto add = [&](const char* name, const char* help,
                       Resources (*amounts)(const core_v1::PodSpec& spec)) {
    registry.AddMeasured(
        {name, help, {"namespace", "pod", "node", "scheduler", "priority", "resource", "unit"}},
        [pods = manager.informer<core_v1::Pod>(), amounts] {
          return PodResourceSamples(pods.List(), amounts);
        });
  };
  add("kube_pod_resource_request", "[STABLE] What a pod asks of a node.", &PodRequests);
  add("kube_pod_resource_limit", "[STABLE] What a pod may use at most.", &PodLimits);
}

}  // namespace skiff::scheduler
