#include "controllers/scheduler/devices/pod_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controllers/devices/resource_claim_plan.h"

namespace skiff::scheduler {
namespace {

constexpr int64_t kAlternativesMax = 8;  // Of a request, says the API.

Result<> CheckClass(const std::string& request, const std::string& name,
                    const FindDeviceClass& find) {
  if (find(name)) return {};
  return Fail(Reason::kNotFound,
              fmt::format("request {}: device class {} does not exist", request, name));
}

}  // namespace

Result<std::vector<DeviceClaimPtr>> DeviceClaimsOf(const core_v1::Pod& pod,
                                                   const FindDeviceClaim& find) {
  const std::string& space = pod.metadata.namespace_;
  std::vector<DeviceClaimPtr> claims;
  std::set<const resource_v1::ResourceClaim*> listed;
  const PodClaimNames names(pod);
  for (const auto& entry : pod.spec.resource_claims) {
    const PodClaimName known = names.Of(entry);
    if (known.state == PodClaimName::State::kNotNeeded) continue;
    if (known.state == PodClaimName::State::kNotMade) {
      return Fail(Reason::kNotFound, fmt::format("pod \"{}/{}\": ResourceClaim not created yet",
                                                 space, pod.metadata.name));
    }
    const DeviceClaimPtr claim = find(space, known.name);
    if (!claim) {
      return Fail(Reason::kNotFound,
                  fmt::format("could not find ResourceClaim \"{}/{}\"", space, known.name));
    }
    if (claim->metadata.deletion_timestamp) {
      return Fail(Reason::kConflict,
                  fmt::format("resourceclaim \"{}\" is being deleted", known.name));
    }
    if (known.is_made) TRY(IsForPod(pod, *claim));
    // One that two entries name is one.
    if (listed.insert(claim.get()).second) claims.push_back(claim);
  }
  return claims;
}

Result<> CheckClasses(const resource_v1::ResourceClaim& claim, const FindDeviceClass& find) {
  for (const auto& request : claim.spec.devices.requests) {
    if (request.exactly) {
      TRY(CheckClass(request.name, request.exactly->device_class_name, find));
    } else if (request.first_available.empty()) {
      return Fail(Reason::kInvalid,
                  fmt::format("resource claim {}, request {}: unknown request type", NameOf(claim),
                              request.name));
    }
    for (const auto& each : request.first_available) {
      TRY(CheckClass(request.name + "/" + each.name, each.device_class_name, find));
    }
  }
  return {};
}

bool IsReservedFor(const resource_v1::ResourceClaim& claim, const core_v1::Pod& pod) {
  return std::ranges::any_of(claim.status.reserved_for,
                             [&](const auto& user) { return user.uid == pod.metadata.uid; });
}

bool MayFitAfter(const resource_v1::ResourceClaim* before, const resource_v1::ResourceClaim& now,
                 const core_v1::Pod& pod, const FindDeviceClaim& find) {
  const auto claims = DeviceClaimsOf(pod, find);
  if (!claims) return false;
  // Devices became free.
  if (before != nullptr && before->status.allocation && !now.status.allocation) return true;
  const bool is_used = std::ranges::any_of(*claims, [&](const DeviceClaimPtr& claim) {
    return claim->metadata.uid == now.metadata.uid;
  });
  return is_used && (before == nullptr || !(before->status == now.status));
}

int64_t PreferenceOf(const resource_v1::ResourceClaim& claim,
                     const resource_v1::AllocationResult& allocation) {
  std::set<std::string> taken;
  for (const auto& result : allocation.devices.results) taken.insert(result.request);
  int64_t sum = 0;
  for (const auto& request : claim.spec.devices.requests) {
    int64_t worth = kAlternativesMax;
    for (const auto& each : request.first_available) {
      if (taken.contains(request.name + "/" + each.name)) sum += worth;
      --worth;
    }
  }
  return sum;
}

}  // namespace skiff::scheduler
