#include "controllers/scheduler/volume_holds.h"

#include <utility>

#include "controllers/storage/volume_match.h"

namespace skiff::scheduler {
namespace {

template <typename T>
bool AreOneVersion(const T& a, const T& b) {
  return a.metadata.uid == b.metadata.uid &&
         a.metadata.resource_version == b.metadata.resource_version;
}

// `change` makes of the object what it will be.
template <typename Map, typename T, typename Change>
void HoldOne(Map& held, const std::shared_ptr<const T>& object, const std::string& pod,
             Change change) {
  auto& one = held[KeyOf(*object)];
  if (!one.shown || !AreOneVersion(*one.shown, *object)) {
    auto shown = std::make_shared<T>(*object);
    change(*shown);
    one = {std::move(shown), {}};
  }
  one.pods.insert(pod);
}

template <typename Map>
bool ReleaseAll(Map& held, const std::string& pod) {
  bool any = false;
  for (auto& [key, one] : held) any |= one.pods.erase(pod) > 0;
  std::erase_if(held, [](const auto& each) { return each.second.pods.empty(); });
  return any;
}

template <typename Map, typename T>
void ShowOne(const Map& held, std::shared_ptr<const T>& object) {
  const auto found = held.find(KeyOf(*object));
  if (found == held.end() || !AreOneVersion(*found->second.shown, *object)) return;
  object = found->second.shown;
}

}  // namespace

void VolumeHolds::Hold(const std::vector<ClaimPlan>& plan, const std::string& node,
                       const std::string& pod) {
  const MutexLock lock(mutex_);
  for (const ClaimPlan& each : plan) {
    if (each.volume) {
      HoldOne(volumes_, each.volume, pod,
              [&](core_v1::PersistentVolume& volume) { BindTo(volume, *each.claim); });
    } else {
      HoldOne(claims_, each.claim, pod, [&](core_v1::PersistentVolumeClaim& claim) {
        claim.metadata.annotations[std::string(kSelectedNodeAnnotation)] = node;
      });
    }
  }
}

bool VolumeHolds::Release(const std::string& pod) {
  const MutexLock lock(mutex_);
  const bool held_claims = ReleaseAll(claims_, pod);
  const bool held_volumes = ReleaseAll(volumes_, pod);
  return held_claims || held_volumes;
}

ClaimPtr VolumeHolds::Shown(ClaimPtr claim) const {
  if (!claim) return claim;
  const MutexLock lock(mutex_);
  if (!claims_.empty()) ShowOne(claims_, claim);
  return claim;
}

std::vector<VolumePtr> VolumeHolds::Shown(std::vector<VolumePtr> volumes) const {
  const MutexLock lock(mutex_);
  if (volumes_.empty()) return volumes;
  for (VolumePtr& volume : volumes) ShowOne(volumes_, volume);
  return volumes;
}

}  // namespace skiff::scheduler
