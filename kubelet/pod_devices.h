// What pods get beside what every container has: the devices of resource claims and of device
// plugins. For workers of pods; simulated nodes have none.
#pragma once

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// Thread-safe.
class PodDevices {
 public:
  virtual ~PodDevices() = default;
  // When the pod comes: what fails refuses it.
  virtual Result<> Allocate(const core_v1::Pod& pod) = 0;
  // Before the pod's sandbox is made; what fails is tried again.
  virtual Result<> Prepare(const core_v1::Pod& pod) = 0;
  // After its containers have ended. Again and again until it succeeds.
  virtual Result<> Unprepare(const core_v1::Pod& pod) = 0;
  // Before a container is made: what it shall have beside what its spec says.
  virtual Result<> Give(const core_v1::Pod& pod, const core_v1::Container& container,
                        cri::ContainerConfig& config) = 0;
  // Of what it was given: whatever the runtime does not know to be a device.
  virtual Result<> Resolve(cri::ContainerConfig& config) = 0;
};

}  // namespace skiff::kubelet
