// What the scheduler knows of ResourceClaims: what informers say, and before they say it, what its
// own decisions and writes have made of them. One thread.
//
//   (unallocated) --Begin--> under way --Written--> allocated, as the API answered
//                               |
//                               +-----GiveUp------> as informers say
//
// The devices of an allocation that is under way are taken already: nobody else may get them.
#pragma once

#include <map>
#include <string>

#include "client/resource.h"
#include "controllers/scheduler/devices/device_requests.h"
#include "controllers/scheduler/devices/device_set.h"

namespace skiff::scheduler {

class ClaimLedger {
 public:
  // As informers tell: one of them is null for what is new or gone.
  void Heard(const DeviceClaimPtr& before, const DeviceClaimPtr& now);
  // The newest version that is known; null when there is none.
  DeviceClaimPtr Get(const std::string& namespace_, const std::string& name) const;
  // It is being allocated; another pod that shares it waits until that is written.
  void Begin(const resource_v1::ResourceClaim& claim,
             const resource_v1::AllocationResult& allocation);
  bool IsUnderWay(const std::string& uid) const { return under_way_.contains(uid); }
  // The API has taken it. Older versions that informers still tell of are passed over.
  void Written(const DeviceClaimPtr& now);
  void GiveUp(const std::string& uid);
  const DeviceSet& allocated() const { return allocated_; }

 private:
  void Replace(const ObjectKey& key, const DeviceClaimPtr& now);

  std::map<ObjectKey, DeviceClaimPtr> claims_;
  std::map<std::string, resource_v1::AllocationResult> under_way_;  // By uid of the claim.
  DeviceSet allocated_;                                             // Of both.
};

}  // namespace skiff::scheduler
