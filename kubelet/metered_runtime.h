// A container runtime whose calls are counted and timed, as kubelet_runtime_operations_*.
#pragma once

#include <memory>

#include "kubelet/cri.h"
#include "kubelet/kubelet_metrics.h"

namespace skiff::kubelet {

// Both outlive it.
std::unique_ptr<ContainerRuntime> MakeMeteredRuntime(ContainerRuntime& below, const Clock& clock,
                                                     KubeletMetrics& metrics);

}  // namespace skiff::kubelet
