// VolumeRestrictions (disks of one writer, ReadWriteOncePod) and VolumeBinding's filter.
#include <algorithm>
#include <set>
#include <string>

#include "api/select/node_selector.h"
#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/rules/shared_disks.h"
#include "controllers/scheduler/volume_claims.h"

namespace skiff::scheduler {
namespace {

bool MountsAny(const core_v1::Pod& pod, const std::set<std::string>& claims) {
  return std::ranges::any_of(pod.spec.volumes, [&](const core_v1::Volume& volume) {
    if (volume.persistent_volume_claim) {
      return claims.contains(volume.persistent_volume_claim->claim_name);
    }
    return volume.ephemeral && claims.contains(pod.metadata.name + "-" + volume.name);
  });
}

// Looks at all pods once, however many claims these are.
bool AreUsedByOthers(const PodInfo& pod, const std::set<std::string>& claims,
                     const Snapshot& snapshot) {
  for (const NodeInfo* node : snapshot.nodes) {
    for (const auto& [uid, other] : node->pods) {
      if (uid == pod.uid() || other->pod->metadata.namespace_ != pod.pod->metadata.namespace_) {
        continue;
      }
      if (MountsAny(*other->pod, claims)) return true;
    }
  }
  return false;
}

// Of a claim that one pod alone may use, and another one does.
bool IsKeptOut(const PodInfo& pod, const Snapshot& snapshot) {
  std::set<std::string> claims;
  for (const std::string& name : ClaimNames(*pod.pod)) {
    const auto claim = snapshot.storage.claim(pod.pod->metadata.namespace_, name);
    if (!claim) continue;
    const auto& modes = claim->spec.access_modes;
    if (std::ranges::find(modes, "ReadWriteOncePod") != modes.end()) claims.insert(name);
  }
  return !claims.empty() && AreUsedByOthers(pod, claims, snapshot);
}

bool HoldsDiskOf(const NodeInfo& node, const core_v1::Pod& pod) {
  return std::ranges::any_of(
      node.pods, [&](const auto& there) { return ShareDisk(pod, *there.second->pod); });
}

}  // namespace

Prepared PrepareVolumeRestrictions(const PodInfo& pod, const Snapshot& snapshot) {
  const bool mounts_disks = MountsDisks(*pod.pod);
  const bool is_kept_out = IsKeptOut(pod, snapshot);
  if (!mounts_disks && !is_kept_out) return Prepared::Pass();
  return Prepared::Each([&pod, mounts_disks, is_kept_out](const NodeInfo& node) {
    if (mounts_disks && HoldsDiskOf(node, *pod.pod)) {
      return Verdict::Unschedulable("node(s) had no available disk");
    }
    if (!is_kept_out) return Verdict::Fits();
    return Verdict::Unschedulable(
        "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode "
        "already in-use by another pod");
  });
}

Prepared PrepareVolumeBinding(const PodInfo& pod, const Snapshot& snapshot) {
  auto claims = ClassifyClaims(*pod.pod, snapshot.storage);
  if (!claims) return Prepared::Reject(Verdict::Unresolvable(claims.error().message));
  if (claims->bound.empty() && claims->delayed.empty()) return Prepared::Pass();
  return Prepared::Each(
      [&storage = snapshot.storage, claims = std::move(*claims)](const NodeInfo& node) {
        return CheckClaims(claims, *node.node, storage);
      });
}

}  // namespace skiff::scheduler
