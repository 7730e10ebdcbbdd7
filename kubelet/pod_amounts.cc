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

bool SameComputing(const core_v1::ResourceRequirements& a, const core_v1::ResourceRequirements& b) {
  return SameAmount(a, b, "cpu") && SameAmount(a, b, "memory");
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
    return x.first == y.first && SameComputing(x.second, y.second);
  });
}

bool AsksFor(const core_v1::PodSpec& spec, const Amounts& amounts) {
  size_t asked = 0;
  const auto is_alike = [&](const core_v1::Container& each) {
    ++asked;
    const auto found = amounts.find(each.name);
    return found != amounts.end() && SameComputing(each.resources, found->second);
  };
  const auto is_alike_if_sidecar = [&](const core_v1::Container& each) {
    return !IsSidecar(each) || is_alike(each);
  };
  return std::all_of(spec.containers.begin(), spec.containers.end(), is_alike) &&
         std::all_of(spec.init_containers.begin(), spec.init_containers.end(),
                     is_alike_if_sidecar) &&
         asked == amounts.size();
}

}  // namespace skiff::kubelet
