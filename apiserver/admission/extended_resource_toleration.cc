// Nodes with special devices are tainted by the names of these: who asks for one tolerates it.
#include <set>

#include "api/gen/core_v1.h"
#include "api/rules/devices/resource_names.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

class ExtendedResourceToleration final : public AdmissionPlugin, public Admits {
 public:
  std::string_view name() const override { return "ExtendedResourceToleration"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (!request.Is("", "pods") || request.object == nullptr) return {};
    core_v1::PodSpec& spec = request.object->As<core_v1::Pod>()->spec;
    std::set<std::string> devices;
    for (const auto* containers : {&spec.containers, &spec.init_containers}) {
      for (const auto& container : *containers) {
        for (const auto& [resource, amount] : container.resources.requests) {
          if (IsExtendedResource(resource)) devices.insert(resource);
        }
      }
    }
    Tolerate(devices, spec);
    return {};
  }

 private:
  static void Tolerate(const std::set<std::string>& devices, core_v1::PodSpec& spec) {
    std::set<std::string> tolerated;
    for (core_v1::Toleration& toleration : spec.tolerations) {
      if (toleration.operator_ != "Exists" || toleration.effect != "NoSchedule" ||
          !toleration.value.empty() || !devices.contains(toleration.key)) {
        continue;
      }
      toleration.toleration_seconds.reset();
      tolerated.insert(toleration.key);
    }
    for (const std::string& device : devices) {
      if (tolerated.contains(device)) continue;
      auto& toleration = spec.tolerations.emplace_back();
      toleration.key = device;
      toleration.operator_ = "Exists";
      toleration.effect = "NoSchedule";
    }
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeExtendedResourceToleration(const AdmissionParts&) {
  return std::make_unique<ExtendedResourceToleration>();
}

}  // namespace skiff
