// A claim that names no storage class gets the default one.
#include "api/gen/core_v1.h"
#include "apiserver/admission/default_classes.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

class DefaultStorageClass final : public AdmissionPlugin, public Admits {
 public:
  explicit DefaultStorageClass(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "DefaultStorageClass"; }
  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || !request.Is("", "persistentvolumeclaims")) {
      return {};
    }
    auto& claim = *request.object->As<core_v1::PersistentVolumeClaim>();
    if (claim.spec.storage_class_name ||
        claim.metadata.annotations.contains("volume.beta.kubernetes.io/storage-class")) {
      return {};
    }
    const auto chosen = DefaultAmong(caches_.storage_classes.All(),
                                     {"storageclass.kubernetes.io/is-default-class",
                                      "storageclass.beta.kubernetes.io/is-default-class"});
    if (chosen) claim.spec.storage_class_name = chosen->metadata.name;
    return {};
  }

 private:
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDefaultStorageClass(const AdmissionParts& parts) {
  return std::make_unique<DefaultStorageClass>(parts.caches);
}

}  // namespace skiff
