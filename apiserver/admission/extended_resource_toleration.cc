// Nodes with special devices are tainted by the names of these: who asks for one tolerates it.
#include <algorithm>
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
    for (const std::string& device : devices) Tolerate(device, spec);
    return {};
  }

 private:
  static void Tolerate(const std::string& device, core_v1::PodSpec& spec) {
    core_v1::Toleration wanted;
    wanted.key = device;
    wanted.operator_ = "Exists";
    wanted.effect = "NoSchedule";
    const auto same = std::find_if(
        spec.tolerations.begin(), spec.tolerations.end(), [&](const auto& toleration) {
          return toleration.key == wanted.key && toleration.operator_ == wanted.operator_ &&
                 toleration.effect == wanted.effect && toleration.value == wanted.value;
        });
    if (same == spec.tolerations.end()) {
      spec.tolerations.push_back(std::move(wanted));
    } else {
      *same = std::move(wanted);  // Without an end.
    }
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeExtendedResourceToleration(const AdmissionParts&) {
  return std::make_unique<ExtendedResourceToleration>();
}

}  // namespace skiff
