#include "controllers/scheduler/devices/claim_ledger.h"

#include "client/informer.h"

namespace skiff::scheduler {

void ClaimLedger::Heard(const DeviceClaimPtr& before, const DeviceClaimPtr& now) {
  if (!now) {
    if (before) Replace(KeyOf(*before), nullptr);
    return;
  }
  const auto known = claims_.find(KeyOf(*now));
  const bool is_old = known != claims_.end() && known->second->metadata.uid == now->metadata.uid &&
                      WrittenRevision(now->metadata) < WrittenRevision(known->second->metadata);
  if (!is_old) Replace(KeyOf(*now), now);
}

DeviceClaimPtr ClaimLedger::Get(const std::string& namespace_, const std::string& name) const {
  const auto found = claims_.find({namespace_, name});
  return found == claims_.end() ? nullptr : found->second;
}

void ClaimLedger::Begin(const resource_v1::ResourceClaim& claim,
                        const resource_v1::AllocationResult& allocation) {
  GiveUp(claim.metadata.uid);
  allocated_.Add(allocation);
  under_way_.emplace(claim.metadata.uid, allocation);
}

void ClaimLedger::Written(const DeviceClaimPtr& now) {
  // One that is gone by now is not brought back, though another one may have its name.
  const auto known = claims_.find(KeyOf(*now));
  const bool is_there = known != claims_.end() && known->second->metadata.uid == now->metadata.uid;
  if (is_there) Heard(nullptr, now);
  GiveUp(now->metadata.uid);
}

void ClaimLedger::GiveUp(const std::string& uid) {
  const auto found = under_way_.find(uid);
  if (found == under_way_.end()) return;
  allocated_.Remove(found->second);
  under_way_.erase(found);
}

void ClaimLedger::Replace(const ObjectKey& key, const DeviceClaimPtr& now) {
  if (const auto known = claims_.find(key); known != claims_.end()) {
    if (const auto& allocation = known->second->status.allocation) allocated_.Remove(*allocation);
    claims_.erase(known);
  }
  if (!now) return;
  if (now->status.allocation) allocated_.Add(*now->status.allocation);
  claims_.emplace(key, now);
}

}  // namespace skiff::scheduler
