// A new node takes no pods before it has said that it is ready.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

class TaintNodesByCondition final : public AdmissionPlugin, public Admits {
 public:
  std::string_view name() const override { return "TaintNodesByCondition"; }
  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || !request.Is("", "nodes")) return {};
    auto& taints = request.object->As<core_v1::Node>()->spec.taints;
    constexpr const char* kNotReady = "node.kubernetes.io/not-ready";
    const bool tainted = std::any_of(taints.begin(), taints.end(), [&](const auto& taint) {
      return taint.key == kNotReady && taint.effect == "NoSchedule";
    });
    if (tainted) return {};
    auto& taint = taints.emplace_back();
    taint.key = kNotReady;
    taint.effect = "NoSchedule";
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeTaintNodesByCondition(const AdmissionParts&) {
  return std::make_unique<TaintNodesByCondition>();
}

}  // namespace skiff
