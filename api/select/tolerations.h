// Taints and tolerations: used by the scheduler, the kubelet, and by whoever evicts for taints.
#pragma once

#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

bool Tolerates(const core_v1::Toleration& toleration, const core_v1::Taint& taint);
bool AnyTolerates(const std::vector<core_v1::Toleration>& tolerations, const core_v1::Taint& taint);

// Both lists in one, without those that tolerate nothing beyond what another of them does.
std::vector<core_v1::Toleration> MergeTolerations(std::vector<core_v1::Toleration> tolerations,
                                                  const std::vector<core_v1::Toleration>& more);

}  // namespace skiff
