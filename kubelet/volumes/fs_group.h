// What a pod's fsGroup does to a volume: its files become the group's, and the group may do with
// them what their owner may.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {

struct FsGroup {
  gid_t group = 0;
  bool read_only = false;         // The group may read, and not write.
  bool on_root_mismatch = false;  // A volume whose root is as it shall be is left alone.
};

// The pod's; nullopt when it wants none.
std::optional<FsGroup> FsGroupOf(const core_v1::Pod& pod, bool read_only);

// The mode that a file or directory gets. Pure.
mode_t FsGroupMode(mode_t mode, bool read_only);

// Whether the root of a volume has the group and the bits already. Pure.
bool HasFsGroup(const struct stat& root, const FsGroup& wanted);

// Sets group and mode of all that the volume has in it, the volume itself last, so that one that
// was left half done is seen to be. Links get the group, and nothing behind them is touched.
Result<> ApplyFsGroup(const Descriptor& volume, const FsGroup& wanted);

}  // namespace skiff::kubelet
