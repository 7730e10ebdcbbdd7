// What the API is told of devices that were found for a claim. Pure.
#pragma once

#include <string>
#include <vector>

#include "controllers/scheduler/devices/device_requests.h"

namespace skiff::scheduler {

struct ChosenDevice {
  const DeviceWish* wish;
  const resource_v1::ResourceSlice* slice;
  const resource_v1::Device* device;
};

// `wishes`: of each request of the claim, the one that was met. Fails where a slice's node selector
// is none that can be joined with others.
Result<resource_v1::AllocationResult> AllocationOf(const resource_v1::ResourceClaim& claim,
                                                   const std::vector<const DeviceWish*>& wishes,
                                                   const std::vector<ChosenDevice>& chosen);

}  // namespace skiff::scheduler
