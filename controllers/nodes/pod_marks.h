// What is written into the status of a pod by others than its kubelet before they take it away: a
// strategic patch, which says of the list of conditions only what is meant, so that what the
// kubelet wrote since the pod was read stays. Pure.
#pragma once

#include <string>

#include "api/gen/core_v1.h"

namespace skiff {

// Fails when the name has gone to another pod.
Json PatchOf(const core_v1::Pod& pod, Json status);
// The condition DisruptionTarget, as a list of its own.
Json Disrupted(const core_v1::Pod& pod, const std::string& reason, const std::string& message,
               TimePoint now);

}  // namespace skiff
