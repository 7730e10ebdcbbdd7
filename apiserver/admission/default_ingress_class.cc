// An Ingress that names no class gets the default one.
#include "api/gen/networking_v1.h"
#include "apiserver/admission/default_classes.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

class DefaultIngressClass final : public AdmissionPlugin, public Admits {
 public:
  explicit DefaultIngressClass(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "DefaultIngressClass"; }
  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || !request.Is("networking.k8s.io", "ingresses")) {
      return {};
    }
    auto& ingress = *request.object->As<networking_v1::Ingress>();
    if (ingress.spec.ingress_class_name ||
        ingress.metadata.annotations.contains("kubernetes.io/ingress.class")) {
      return {};
    }
    const auto chosen = DefaultAmong(caches_.ingress_classes.All(),
                                     {"ingressclass.kubernetes.io/is-default-class"});
    if (chosen) ingress.spec.ingress_class_name = chosen->metadata.name;
    return {};
  }

 private:
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeDefaultIngressClass(const AdmissionParts& parts) {
  return std::make_unique<DefaultIngressClass>(parts.caches);
}

}  // namespace skiff
