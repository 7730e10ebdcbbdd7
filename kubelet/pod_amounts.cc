#include "kubelet/pod_amounts.h"

#include <algorithm>

#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

using List = std::map<std::string, Quantity>;

Quantity At(const List& list, const std::string& name) {
  const auto found = list.find(name);
  return found == list.end() ? Quantity() : found->second;
}

}  // namespace

Amounts AmountsOf(const core_v1::PodSpec& spec) {
  Amounts out;
  for (const auto& each : spec.containers) out[each.name] = each.resources;
  for (const auto& each : spec.init_containers) {
    if (IsSidecar(each)) out[each.name] = each.resources;
  }
  return out;
}

core_v1::Pod WithAmounts(const core_v1::Pod& pod, const Amounts& amounts) {
  core_v1::Pod out = pod;
  for (auto* list : {&out.spec.containers, &out.spec.init_containers}) {
    for (auto& each : *list) {
      const auto found = amounts.find(each.name);
      if (found != amounts.end()) each.resources = found->second;
    }
  }
  return out;
}

bool SameAmount(const core_v1::ResourceRequirements& a, const core_v1::ResourceRequirements& b,
                const std::string& resource) {
  return At(a.requests, resource) == At(b.requests, resource) &&
         At(a.limits, resource) == At(b.limits, resource);
}

bool SameAmounts(const Amounts& a, const Amounts& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && SameAmount(x.second, y.second, "cpu") &&
           SameAmount(x.second, y.second, "memory");
  });
}

}  // namespace skiff::kubelet
