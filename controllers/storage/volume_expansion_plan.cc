#include "controllers/storage/volume_expansion_plan.h"

namespace skiff {
namespace {

using core_v1::PersistentVolumeClaim;

Quantity StorageIn(const std::map<std::string, Quantity>& amounts) {
  const auto found = amounts.find("storage");
  return found == amounts.end() ? Quantity() : found->second;
}

Quantity StorageAsked(const PersistentVolumeClaim& claim) {
  return StorageIn(claim.spec.resources.requests);
}

Quantity StorageHeld(const PersistentVolumeClaim& claim) {
  return StorageIn(claim.status.capacity);
}

}  // namespace

bool WantsMore(const PersistentVolumeClaim& claim) {
  return claim.status.phase == "Bound" && StorageAsked(claim) > StorageHeld(claim);
}

bool IsNewWish(const PersistentVolumeClaim* before, const PersistentVolumeClaim& now) {
  if (!WantsMore(now)) return false;
  return before == nullptr || StorageAsked(now) > StorageAsked(*before) ||
         StorageHeld(now) > StorageHeld(*before);
}

}  // namespace skiff
