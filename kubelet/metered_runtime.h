// A container runtime whose calls are counted and timed, as kubelet_runtime_operations_*.
#pragma once

#include <functional>
#include <memory>

#include "kubelet/cri.h"
#include "kubelet/kubelet_metrics.h"

namespace skiff::kubelet {

// All outlive it. `may_run`, where it is given, is asked before each sandbox is made: its error is
// that of the sandbox, and of a status that would say that all is well.
std::unique_ptr<ContainerRuntime> MakeMeteredRuntime(ContainerRuntime& below, const Clock& clock,
                                                     KubeletMetrics& metrics,
                                                     std::function<Result<>()> may_run = {});

}  // namespace skiff::kubelet
