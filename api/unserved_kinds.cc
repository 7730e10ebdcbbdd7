#include "api/unserved_kinds.h"

namespace skiff {
namespace {

struct Unserved {
  std::string_view group;
  std::string_view resource;
  std::string_view why;
};

// clang-format off
constexpr Unserved kUnserved[] = {
    {"networking.k8s.io", "ingresses",
     "skiff has no ingress controller: until one is installed, nothing listens for this Ingress"},
    {"networking.k8s.io", "networkpolicies",
     "skiff's network does not enforce NetworkPolicies: without a network plugin that does, all "
     "traffic is allowed"},
    {"resource.k8s.io", "deviceclasses",
     "skiff allocates no devices yet: this DeviceClass is stored, and no claim is allocated by it"},
    {"resource.k8s.io", "resourceclaims",
     "skiff allocates no devices yet: this ResourceClaim is stored, and never allocated"},
    {"resource.k8s.io", "resourceclaimtemplates",
     "skiff allocates no devices yet: the ResourceClaims made of this template stay unallocated"},
    {"resource.k8s.io", "resourceslices",
     "skiff allocates no devices yet: those of this ResourceSlice are given to nobody"},
    {"storage.k8s.io", "csidrivers",
     "skiff's kubelet speaks to no CSI drivers yet: pods with volumes of this one do not start"},
    {"storage.k8s.io", "csistoragecapacities",
     "skiff's scheduler does not look at storage capacities yet: no pod is placed by this one"},
};
// clang-format on

}  // namespace

std::string_view WhyUnserved(const KindInfo& kind) {
  for (const Unserved& each : kUnserved) {
    if (each.group == kind.group && each.resource == kind.resource) return each.why;
  }
  return "";
}

}  // namespace skiff
