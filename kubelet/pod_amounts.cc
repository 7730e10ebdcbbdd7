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

int64_t Value(const List& list, const std::string& name) {
  const Quantity amount = At(list, name);
  return name == "cpu" ? amount.MilliValue() : amount.Value();
}

int64_t Request(const core_v1::PodSpec& spec, const std::string& name) {
  if (spec.resources && spec.resources->requests.contains(name)) {
    return Value(spec.resources->requests, name) + Value(spec.overhead, name);
  }
  int64_t sum = 0, sidecars = 0, init = 0;
  for (const auto& each : spec.containers) sum += Value(each.resources.requests, name);
  for (const auto& each : spec.init_containers) {
    const int64_t own = Value(each.resources.requests, name);
    if (IsSidecar(each)) sidecars += own;
    init = std::max(init, IsSidecar(each) ? sidecars : sidecars + own);
  }
  return std::max(sum + sidecars, init) + Value(spec.overhead, name);
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

PodRequests RequestsOf(const core_v1::PodSpec& spec) {
  return {Request(spec, "cpu"), Request(spec, "memory")};
}

}  // namespace skiff::kubelet
