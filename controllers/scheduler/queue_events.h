// What happens in a cluster that may let a rejected pod fit, by sorts.
#pragma once

#include <cstdint>

namespace skiff::scheduler {

enum class ClusterEvent : uint32_t {
  kNodeAdded = 1 << 0,
  kNodeAllocatable = 1 << 1,
  kNodeLabels = 1 << 2,
  kNodeTaints = 1 << 3,
  kPodDeleted = 1 << 4,  // A pod left its node, or the space it was assumed to take.
  kPodAdded = 1 << 5,    // A pod was bound or its labels changed.
  kClaim = 1 << 6,
  kVolume = 1 << 7,
  kStorageClass = 1 << 8,
  kNamespace = 1 << 9,
  kService = 1 << 10,
  kVolumeLimit = 1 << 11,        // A node may hold more volumes of some driver.
  kAttachmentDeleted = 1 << 12,  // A volume left a node.
  kStorageCapacity = 1 << 13,    // A driver can make more, or no longer says how much.
  kNodeDeleted = 1 << 14,
  kPodShrunk = 1 << 15,  // A pod on a node asks for less.
  kDeviceClaim = 1 << 16,
  kDeviceClass = 1 << 17,
  kDeviceSlice = 1 << 18,
  kNodeMigrates = 1 << 19,  // A node mounts other volumes by CSI drivers than before.
};

}  // namespace skiff::scheduler
