// A claim grows only when it is bound and its storage class can do that.
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

std::string ClassOf(const core_v1::PersistentVolumeClaim& claim) {
  const auto annotated = claim.metadata.annotations.find("volume.beta.kubernetes.io/storage-class");
  if (annotated != claim.metadata.annotations.end()) return annotated->second;
  return claim.spec.storage_class_name.value_or("");
}

Quantity StorageOf(const core_v1::PersistentVolumeClaim& claim) {
  const auto found = claim.spec.resources.requests.find("storage");
  return found == claim.spec.resources.requests.end() ? Quantity() : found->second;
}

class PersistentVolumeClaimResize final : public AdmissionPlugin, public Validates {
 public:
  explicit PersistentVolumeClaimResize(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "PersistentVolumeClaimResize"; }
  Result<> Validate(const AdmissionRequest& request) override {
    if (request.operation != Operation::kUpdate || !request.Is("", "persistentvolumeclaims")) {
      return {};
    }
    const auto& claim = *request.object->As<core_v1::PersistentVolumeClaim>();
    const auto& old = *request.old_object->As<core_v1::PersistentVolumeClaim>();
    if (StorageOf(claim) <= StorageOf(old)) return {};
    if (old.status.phase != "Bound") {
      return Deny(request, "Only bound persistent volume claims can be expanded");
    }
    const std::string name = ClassOf(claim);
    const auto found = caches_.storage_classes.Find("", name);
    if (name.empty() || name != ClassOf(old) || !found ||
        !found->allow_volume_expansion.value_or(false)) {
      return Deny(request,
                  "only dynamically provisioned pvc can be resized and the storageclass that "
                  "provisions the pvc must support resize");
    }
    return {};
  }

 private:
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePersistentVolumeClaimResize(const AdmissionParts& parts) {
  return std::make_unique<PersistentVolumeClaimResize>(parts.caches);
}

}  // namespace skiff
