#include "api/rules/network/ingress_claim.h"

namespace skiff {
namespace {

constexpr char kClassAnnotation[] = "kubernetes.io/ingress.class";
constexpr char kIsDefaultClass[] = "ingressclass.kubernetes.io/is-default-class";

std::string AnnotationOf(const meta_v1::ObjectMeta& metadata, const char* key) {
  const auto found = metadata.annotations.find(key);
  return found == metadata.annotations.end() ? "" : found->second;
}

}  // namespace

std::string ClassOfIngress(const networking_v1::Ingress& ingress) {
  if (ingress.spec.ingress_class_name) return *ingress.spec.ingress_class_name;
  return AnnotationOf(ingress.metadata, kClassAnnotation);
}

IngressClaim::IngressClaim(
    std::string_view controller,
    const std::vector<std::shared_ptr<const networking_v1::IngressClass>>& classes) {
  for (const auto& each : classes) {
    if (each->spec.controller != controller) continue;
    names_.insert(each->metadata.name);
    if (AnnotationOf(each->metadata, kIsDefaultClass) != "false") takes_classless_ = true;
  }
}

bool IngressClaim::Has(const networking_v1::Ingress& ingress) const {
  const std::string name = ClassOfIngress(ingress);
  return name.empty() ? takes_classless_ : names_.contains(name);
}

}  // namespace skiff
