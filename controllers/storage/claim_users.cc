#include "controllers/storage/claim_users.h"

#include <algorithm>

#include "client/client.h"
#include "client/informer.h"

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

void ListedClaimUsers::Add(const Pod& pod) {
  if (pod.spec.node_name.empty()) return;
  auto user = std::make_shared<Pod>();
  user->metadata.name = pod.metadata.name;
  user->metadata.uid = pod.metadata.uid;
  user->metadata.deletion_timestamp = pod.metadata.deletion_timestamp;
  user->metadata.deletion_grace_period_seconds = pod.metadata.deletion_grace_period_seconds;
  user->spec.node_name = pod.spec.node_name;
  user->spec.volumes = pod.spec.volumes;
  for (const auto& volume : pod.spec.volumes) {
    if (volume.persistent_volume_claim) {
      users_[volume.persistent_volume_claim->claim_name].push_back(user);
    } else if (volume.ephemeral) {
      users_[pod.metadata.name + "-" + volume.name].push_back(user);
    }
  }
}

bool ListedClaimUsers::RuleOut(const PersistentVolumeClaim& claim) const {
  const uint64_t version = WrittenRevision(claim.metadata);
  if (claim.metadata.namespace_ != namespace_ || !claim.metadata.deletion_timestamp ||
      version == 0 || version > revision_) {
    return false;
  }
  const auto users = users_.find(claim.metadata.name);
  return users == users_.end() ||
         std::none_of(users->second.begin(), users->second.end(),
                      [&](const auto& pod) { return UsesClaim(*pod, claim); });
}

}  // namespace skiff
