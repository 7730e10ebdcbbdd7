// Claims that reach into devices which others use are for namespaces that say so. Kubernetes does
// this in the kind's strategy; here it stands with the plugins, which know the namespace.
#include "api/gen/resource_v1.h"
#include "api/violations.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

using resource_v1::ResourceClaim;
using resource_v1::ResourceClaimTemplate;

class DeviceAdminAccess final : public AdmissionPlugin, public Validates {
 public:
  explicit DeviceAdminAccess(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "DeviceAdminAccess"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || request.object == nullptr) return {};
    if (const auto* claim = request.object->As<ResourceClaim>()) {
      return Check(request, claim->spec, FieldPath("spec"));
    }
    if (const auto* made_from = request.object->As<ResourceClaimTemplate>()) {
      return Check(request, made_from->spec.spec, FieldPath("spec"));
    }
    return {};
  }

 private:
  Result<> Check(const AdmissionRequest& request, const resource_v1::ResourceClaimSpec& spec,
                 const FieldPath& path) {
    constexpr const char* kLabel = "resource.kubernetes.io/admin-access";
    const auto space = caches_.namespaces.Find("", request.namespace_name);
    if (space) {
      const auto label = space->metadata.labels.find(kLabel);
      if (label != space->metadata.labels.end() && label->second == "true") return {};
    }
    const FieldPath requests = path.Child("devices").Child("requests");
    for (size_t i = 0; i < spec.devices.requests.size(); ++i) {
      const auto& exactly = spec.devices.requests[i].exactly;
      if (!exactly || !exactly->admin_access.value_or(false)) continue;
      Violations wrong;
      wrong.Forbidden(requests.Index(i).Child("adminAccess"),
                      "admin access to devices requires the `resource.kubernetes.io/admin-access: "
                      "true` label on the containing namespace");
      return Fail(wrong.ToError(request.kind.group, request.kind.kind, request.name));
    }
    return {};
  }

  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDeviceAdminAccess(const AdmissionParts& parts) {
  return std::make_unique<DeviceAdminAccess>(parts.caches);
}

}  // namespace skiff
