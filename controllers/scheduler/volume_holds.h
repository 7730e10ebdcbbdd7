// Volumes and claims that pods on their way to a node count on, before the API says so: a volume
// that will be bound to a claim, a claim that will be provisioned for a node. Pods that are decided
// meanwhile see them as they will be, so that no two claims are meant to have the same volume, and
// all pods of one claim go to where it will be. What has changed since is seen as it is.
//
//   holds.Hold(plan, "node1", pod_uid);
//   holds.Shown(volumes);       // Those of the plan name their claims.
//   holds.Shown(claim);         // It names the node.
//   holds.Release(pod_uid);     // It is written, or will not be.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/object_key.h"
#include "controllers/scheduler/volume_claims.h"

namespace skiff::scheduler {

// Thread-safe.
class VolumeHolds {
 public:
  // What was planned for the claims of a pod, by its uid, on that node.
  void Hold(const std::vector<ClaimPlan>& plan, const std::string& node, const std::string& pod);
  // False: the pod held nothing. What others hold as well stays so.
  bool Release(const std::string& pod);
  // The claim as it will be; nullptr stays that.
  ClaimPtr Shown(ClaimPtr claim) const;
  std::vector<VolumePtr> Shown(std::vector<VolumePtr> volumes) const;

 private:
  template <typename T>
  struct Held {
    std::shared_ptr<const T> shown;  // Of the version that it was planned with.
    std::set<std::string> pods;      // Uids.
  };

  mutable Mutex mutex_;
  std::map<ObjectKey, Held<core_v1::PersistentVolumeClaim>> claims_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Held<core_v1::PersistentVolume>> volumes_ GUARDED_BY(mutex_);
};

}  // namespace skiff::scheduler
