#include "controllers/nodes/pod_marks.h"

#include "api/pods/conditions.h"

namespace skiff {

Json PatchOf(const core_v1::Pod& pod, Json status) {
  return {{"metadata", {{"uid", pod.metadata.uid}}}, {"status", std::move(status)}};
}

Json Disrupted(const core_v1::Pod& pod, const std::string& reason, const std::string& message,
               TimePoint now) {
  Json condition = {{"type", "DisruptionTarget"},
                    {"status", "True"},
                    {"reason", reason},
                    {"message", message},
                    {"observedGeneration", pod.metadata.generation}};
  const auto* present = FindCondition(pod.status.conditions, "DisruptionTarget");
  if (present == nullptr || present->status != "True") {
    condition["lastTransitionTime"] = Time(now).Rfc3339();
  }
  return Json::array({std::move(condition)});
}

}  // namespace skiff
