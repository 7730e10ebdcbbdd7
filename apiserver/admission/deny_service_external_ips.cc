// Who may make Services takes no address for them that is somebody else's.
#include <algorithm>
#include <set>
#include <string_view>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

using core_v1::Service;

class DenyServiceExternalIps final : public AdmissionPlugin, public Validates {
 public:
  std::string_view name() const override { return "DenyServiceExternalIPs"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (!request.Is("", "services") || request.object == nullptr) return {};
    const auto& now = request.object->As<Service>()->spec.external_ips;
    std::set<std::string_view> before;  // They may stay.
    if (request.old_object != nullptr) {
      const auto& old = request.old_object->As<Service>()->spec.external_ips;
      before.insert(old.begin(), old.end());
    }
    if (std::ranges::all_of(now, [&](const auto& address) { return before.contains(address); })) {
      return {};
    }
    return Deny(request, "Use of external IPs is denied by admission control");
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDenyServiceExternalIps(const AdmissionParts&) {
  return std::make_unique<DenyServiceExternalIps>();
}

}  // namespace skiff
