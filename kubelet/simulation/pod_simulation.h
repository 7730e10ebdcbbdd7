// How pods live on a node that is only simulated, as far as its runtime does not say it. A kubelet
// that is given none runs real ones.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "kubelet/probes/probe_manager.h"

namespace skiff::kubelet {

class PodSimulation {
 public:
  virtual ~PodSimulation() = default;
  // How much longer nothing of the pod starts. Asked before each look at it; any thread.
  virtual Duration StartsIn(const core_v1::Pod& pod) = 0;
  // `changed` is told the uid of a pod whose readiness may have changed.
  virtual std::unique_ptr<Probes> MakeProbes(std::function<void(const std::string&)> changed) = 0;
};

}  // namespace skiff::kubelet
