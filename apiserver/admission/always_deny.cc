// AlwaysDeny: nothing is written and nobody connects. For tests and for clusters that are to stand
// still.
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

class AlwaysDeny final : public AdmissionPlugin, public Admits, public Validates {
 public:
  std::string_view name() const override { return "AlwaysDeny"; }
  bool Handles(Operation) const override { return true; }
  Result<> Admit(AdmissionRequest& request) override { return Validate(request); }
  Result<> Validate(const AdmissionRequest& request) override {
    return Deny(request, "admission control is denying all modifications");
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeAlwaysDeny(const AdmissionParts&) {
  return std::make_unique<AlwaysDeny>();
}

}  // namespace skiff
