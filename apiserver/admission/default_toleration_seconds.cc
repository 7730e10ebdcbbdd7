// A pod stays a while on a node that stopped answering, five minutes unless it says otherwise.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

void Tolerate(core_v1::PodSpec& spec, const std::string& taint, int seconds) {
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
  toleration.toleration_seconds = seconds;
}

class DefaultTolerationSeconds final : public AdmissionPlugin, public Admits {
 public:
  explicit DefaultTolerationSeconds(DefaultTolerations tolerations) : tolerations_(tolerations) {}
  std::string_view name() const override { return "DefaultTolerationSeconds"; }
  Result<> Admit(AdmissionRequest& request) override {
    if (!request.Is("", "pods") || request.object == nullptr) return {};
    core_v1::PodSpec& spec = request.object->As<core_v1::Pod>()->spec;
    Tolerate(spec, "node.kubernetes.io/not-ready", tolerations_.not_ready_s);
    Tolerate(spec, "node.kubernetes.io/unreachable", tolerations_.unreachable_s);
    return {};
  }

 private:
  const DefaultTolerations tolerations_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDefaultTolerationSeconds(const AdmissionParts& parts) {
  return std::make_unique<DefaultTolerationSeconds>(parts.tolerations);
}

}  // namespace skiff
