// Volumes and claims stay until nobody uses them: a finalizer that their controllers take away.
#include <algorithm>

#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

const char* FinalizerFor(const AdmissionRequest& request) {
  if (request.Is("", "persistentvolumeclaims")) return "kubernetes.io/pvc-protection";
  if (request.Is("", "persistentvolumes")) return "kubernetes.io/pv-protection";
  if (request.Is("storage.k8s.io", "volumeattributesclasses")) {
    return "kubernetes.io/vac-protection";
  }
  return nullptr;
}

class StorageObjectInUseProtection final : public AdmissionPlugin, public Admits {
 public:
  std::string_view name() const override { return "StorageObjectInUseProtection"; }
  Result<> Admit(AdmissionRequest& request) override {
    const char* finalizer = FinalizerFor(request);
    if (request.operation != Operation::kCreate || finalizer == nullptr) return {};
    auto& finalizers = request.object->metadata().finalizers;
    if (std::find(finalizers.begin(), finalizers.end(), finalizer) == finalizers.end()) {
      finalizers.emplace_back(finalizer);
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeStorageObjectInUseProtection(const AdmissionParts&) {
  return std::make_unique<StorageObjectInUseProtection>();
}

}  // namespace skiff
