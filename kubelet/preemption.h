// Which pods of a node make room for a critical one that was given to it although there is none.
// Pure.
//
//   all best-effort pods, all burstable ones and as few guaranteed ones as must be would do;
//   with these guaranteed ones and all best-effort pods, as few burstable ones; with those, as few
//   best-effort pods. Of each kind whoever frees the most of what lacks goes first.
#pragma once

#include <memory>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/pod_admission.h"

namespace skiff::kubelet {

// Of `others`, none that is as important as the pod. An error, in the kubelet's words, when all of
// them together would not do.
Result<std::vector<std::shared_ptr<const core_v1::Pod>>> PodsToPreempt(
    const core_v1::Pod& pod, const std::vector<std::shared_ptr<const core_v1::Pod>>& others,
    const std::vector<Shortfall>& shortfalls);

}  // namespace skiff::kubelet
