#include "controllers/storage/claim_users.h"

#include <algorithm>

#include "client/client.h"

namespace skiff {
namespace {

using core_v1::PersistentVolumeClaim;
using core_v1::Pod;

// Its containers have ended, and the node has nothing of it any more.
bool IsShutDown(const Pod& pod) {
  return pod.metadata.deletion_timestamp &&
         pod.metadata.deletion_grace_period_seconds.value_or(1) == 0;
}

bool IsMadeFor(const Pod& pod, const PersistentVolumeClaim& claim) {
  const meta_v1::OwnerReference* owner = ControllerOf(claim.metadata);
  return owner != nullptr && owner->uid == pod.metadata.uid;
}

}  // namespace

bool UsesClaim(const Pod& pod, const PersistentVolumeClaim& claim) {
  if (pod.spec.node_name.empty()) return false;
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [&](const auto& volume) {
    if (volume.persistent_volume_claim) {
      return volume.persistent_volume_claim->claim_name == claim.metadata.name;
    }
    return volume.ephemeral && pod.metadata.name + "-" + volume.name == claim.metadata.name &&
           IsMadeFor(pod, claim) && !IsShutDown(pod);
  });
}

}  // namespace skiff
