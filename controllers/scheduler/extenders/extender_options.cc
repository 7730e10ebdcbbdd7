#include "controllers/scheduler/extenders/extender_options.h"

#include <algorithm>

namespace skiff::scheduler {

bool ExtenderOptions::IsInterestedIn(const core_v1::Pod& pod) const {
  if (managed_resources.empty()) return true;
  const auto is_managed = [&](const auto& amount) {
    return managed_resources.contains(amount.first);
  };
  const auto wants = [&](const core_v1::Container& container) {
    return std::ranges::any_of(container.resources.requests, is_managed) ||
           std::ranges::any_of(container.resources.limits, is_managed);
  };
  return std::ranges::any_of(pod.spec.containers, wants) ||
         std::ranges::any_of(pod.spec.init_containers, wants);
}

}  // namespace skiff::scheduler
