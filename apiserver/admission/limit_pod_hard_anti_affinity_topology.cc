// A pod keeps others away from its node, and from nothing larger: one that has a zone for itself
// would cost everybody else the zone.
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

constexpr const char* kHostName = "kubernetes.io/hostname";

class LimitPodHardAntiAffinityTopology final : public AdmissionPlugin, public Validates {
 public:
  std::string_view name() const override { return "LimitPodHardAntiAffinityTopology"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (!request.Is("", "pods") || request.object == nullptr) return {};
    const auto& affinity = request.object->As<core_v1::Pod>()->spec.affinity;
    if (!affinity || !affinity->pod_anti_affinity) return {};
    const auto& terms =
        affinity->pod_anti_affinity->required_during_scheduling_ignored_during_execution;
    for (const auto& term : terms) {
      if (term.topology_key == kHostName) continue;
      return Deny(request,
                  "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey " +
                      term.topology_key + " but only key " + kHostName + " is allowed");
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeLimitPodHardAntiAffinityTopology(const AdmissionParts&) {
  return std::make_unique<LimitPodHardAntiAffinityTopology>();
}

}  // namespace skiff
