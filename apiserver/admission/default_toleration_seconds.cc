// A pod stays five minutes on a node that stopped answering, unless it says otherwise.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

constexpr int64_t kSeconds = 300;

void Tolerate(core_v1::PodSpec& spec, const std::string& taint) {
  const bool tolerated =
      std::any_of(spec.tolerations.begin(), spec.tolerations.end(), [&](const auto& toleration) {
        return (toleration.key.empty() || toleration.key == taint) &&
               (toleration.effect.empty() || toleration.effect == "NoExecute");
      });
  if (tolerated) return;
  auto& toleration = spec.tolerations.emplace_back();
  toleration.key = taint;
  toleration.operator_ = "Exists";
  toleration.effect = "NoExecute";
  toleration.toleration_seconds = kSeconds;
}

class DefaultTolerationSeconds final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "DefaultTolerationSeconds"; }
  Result<> Admit(AdmissionRequest& request) override {
    if (!request.Is("", "pods") || request.object == nullptr) return {};
    core_v1::PodSpec& spec = request.object->As<core_v1::Pod>()->spec;
    Tolerate(spec, "node.kubernetes.io/not-ready");
    Tolerate(spec, "node.kubernetes.io/unreachable");
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDefaultTolerationSeconds(const AdmissionParts&) {
  return std::make_unique<DefaultTolerationSeconds>();
}

}  // namespace skiff
