// The ResourceClaims of a pod, and whether it can be looked at with them. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "controllers/scheduler/devices/device_requests.h"

namespace skiff::scheduler {

using FindDeviceClaim =
    std::function<DeviceClaimPtr(const std::string& namespace_, const std::string& name)>;

// In the order of the pod's spec. Fails, as kube-scheduler says it, when one is not there yet, is
// going, or is another pod's.
Result<std::vector<DeviceClaimPtr>> DeviceClaimsOf(const core_v1::Pod& pod,
                                                   const FindDeviceClaim& find);
// Fails when a class that an unallocated claim names is missing.
Result<> CheckClasses(const resource_v1::ResourceClaim& claim, const FindDeviceClass& find);
bool IsReservedFor(const resource_v1::ResourceClaim& claim, const core_v1::Pod& pod);
// Whether a pod that no node took may fit since a claim is no longer as it was before (null: it was
// not there).
bool MayFitAfter(const resource_v1::ResourceClaim* before, const resource_v1::ResourceClaim& now,
                 const core_v1::Pod& pod, const FindDeviceClaim& find);
// How far up the alternatives are that were taken: more is better.
int64_t PreferenceOf(const resource_v1::ResourceClaim& claim,
                     const resource_v1::AllocationResult& allocation);

}  // namespace skiff::scheduler
