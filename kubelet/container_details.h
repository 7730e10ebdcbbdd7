// What a container's status says beside its state: what it has of CPU and memory, who it runs as,
// what is mounted. Pure.
#pragma once

#include "kubelet/pod_amounts.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {

// Mounts are those of the spec. `running`: what the runtime has of the container; nullptr: nothing.
// `actuated`: what the runtime was told last; nullptr: it was never told anything else than
// `container`, which has what is allotted. `recursive_read_only`: the runtime has such mounts, so
// that those which ask for it are.
void FillDetails(const core_v1::Container& container, const ObservedContainer* observed,
                 const core_v1::ResourceRequirements* actuated, bool recursive_read_only,
                 core_v1::ContainerStatus& out);

}  // namespace skiff::kubelet
