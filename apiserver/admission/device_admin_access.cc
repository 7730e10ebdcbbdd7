// Claims that reach into devices which others use are for namespaces that say so. Kubernetes does
// this in the kind's strategy; here it stands with the plugins, which know the namespace.
#include <optional>

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
    if (request.object == nullptr) return {};
    const auto* claim = request.object->As<ResourceClaim>();
    if (request.operation == Operation::kUpdate) {
      // What a spec asks for does not change; that it was given is told by the status.
      if (claim == nullptr || request.subresource != "status") return {};
      if (FirstGiven(request.old_object->As<ResourceClaim>()->status)) return {};
      return Check(request, FirstGiven(claim->status));
    }
    if (request.operation != Operation::kCreate) return {};
    if (claim != nullptr) return Check(request, FirstAsked(claim->spec));
    if (const auto* made_from = request.object->As<ResourceClaimTemplate>()) {
      return Check(request, FirstAsked(made_from->spec.spec));
    }
    return {};
  }

 private:
  // Where it is asked for first; a template's is told as a claim's.
  static std::optional<FieldPath> FirstAsked(const resource_v1::ResourceClaimSpec& spec) {
    const FieldPath requests = FieldPath("spec").Child("devices").Child("requests");
    for (size_t i = 0; i < spec.devices.requests.size(); ++i) {
      const auto& exactly = spec.devices.requests[i].exactly;
      if (exactly && exactly->admin_access.value_or(false)) return requests.Index(i);
    }
    return std::nullopt;
  }

  // Where it is said to be given first.
  static std::optional<FieldPath> FirstGiven(const resource_v1::ResourceClaimStatus& status) {
    if (!status.allocation) return std::nullopt;
    const FieldPath devices = FieldPath("status").Child("allocation").Child("devices");
    const auto& results = status.allocation->devices.results;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].admin_access.value_or(false)) return devices.Child("results").Index(i);
    }
    return std::nullopt;
  }

  Result<> Check(const AdmissionRequest& request, const std::optional<FieldPath>& wants) {
    constexpr const char* kLabel = "resource.kubernetes.io/admin-access";
    if (!wants) return {};
    const auto space = TRY(caches_.namespaces.FindOrRead("", request.namespace_name));
    if (space) {
      const auto label = space->metadata.labels.find(kLabel);
      if (label != space->metadata.labels.end() && label->second == "true") return {};
    }
    Violations wrong;
    wrong.Forbidden(wants->Child("adminAccess"),
                    "admin access to devices requires the `resource.kubernetes.io/admin-access: "
                    "true` label on the containing namespace");
    return Fail(wrong.ToError(request.kind.group, request.kind.kind, request.name));
  }

  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDeviceAdminAccess(const AdmissionParts& parts) {
  return std::make_unique<DeviceAdminAccess>(parts.caches);
}

}  // namespace skiff
