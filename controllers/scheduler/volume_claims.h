// Where the claims of a pod allow it to run. A bound claim ties it to where the volume can be
// reached; an unbound one of a WaitForFirstConsumer class is bound, or provisioned, once a node has
// been chosen.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "controllers/scheduler/framework.h"

namespace skiff::scheduler {

using ClaimPtr = std::shared_ptr<const core_v1::PersistentVolumeClaim>;
using VolumePtr = std::shared_ptr<const core_v1::PersistentVolume>;

struct PodClaims {
  std::vector<ClaimPtr> bound;
  std::vector<ClaimPtr> delayed;   // Unbound, of WaitForFirstConsumer classes.
  std::vector<VolumePtr> volumes;  // As of VolumesFor these.
};

// Names of the claims that the pod mounts; those of ephemeral volumes included.
std::vector<std::string> ClaimNames(const core_v1::Pod& pod);

// Fails with the text of kube-scheduler when a claim is missing, has lost its volume, is being
// deleted or another pod's, or should have been bound at once but is not.
Result<PodClaims> ClassifyClaims(const core_v1::Pod& pod, const StorageView& storage);

// Whether the node can reach the bound volumes, and the delayed claims can be met there.
Verdict CheckClaims(const PodClaims& claims, const core_v1::Node& node, const StorageView& storage);

// Where a delayed claim comes by its volume.
struct ClaimPlan {
  ClaimPtr claim;
  VolumePtr volume;  // nullptr: it is provisioned.
};
// Of all volumes those that one of the claims may have on some node: nobody's, and its own. Most of
// those there are have a claim, and are looked at once, and not for each node.
std::vector<VolumePtr> VolumesFor(const std::vector<ClaimPtr>& claims, const StorageView& storage);
// For delayed claims of one pod on that node; fails with the text of kube-scheduler when one of
// them cannot be met there.
Result<std::vector<ClaimPlan>> PlanClaims(std::vector<ClaimPtr> claims,
                                          std::vector<VolumePtr> volumes, const core_v1::Node& node,
                                          const StorageView& storage);

// Whether the scheduler takes volumes of a former plugin for those of the driver in its place:
// shares of files and vSphere's are placed by what they say themselves, and not counted. `plugin`:
// of MigratedPluginOf, "" of others.
bool IsOfDriver(std::string_view plugin);
// Whether a volume can be used on the node.
bool IsReachable(const core_v1::PersistentVolume& volume, const core_v1::Node& node);
// Likewise of one that a claim is bound to, which may be of a kind that the node mounts by a CSI
// driver: then the driver's labels count. nullptr: the node did not say how it mounts.
Result<bool> IsReachableBy(const core_v1::PersistentVolume& volume, const core_v1::Node& node,
                           const storage_v1::CSINode* csi_node);

// Volume and claim are bound to each other for good.
bool IsFullyBound(const core_v1::PersistentVolumeClaim& claim);

// Whether a node may hold more volumes of some driver than before (nullptr: it said nothing).
bool RaisesVolumeLimit(const storage_v1::CSINode* before, const storage_v1::CSINode& now);
// Whether a node says other than before of the plugins that it mounts by CSI drivers.
bool MigratesOthers(const storage_v1::CSINode* before, const storage_v1::CSINode& now);
// How many volumes of each driver the node may hold; a driver that is missing sets no limit.
std::map<std::string, int64_t> VolumeLimits(const storage_v1::CSINode& node);

inline constexpr std::string_view kSelectedNodeAnnotation = "volume.kubernetes.io/selected-node";

}  // namespace skiff::scheduler
