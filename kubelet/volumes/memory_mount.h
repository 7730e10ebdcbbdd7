// Directories that lie in memory alone: secrets, tokens, and emptyDirs of medium Memory.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff::kubelet {

// The size of a pod's directory in memory: what the node can give, what the pod may use if each of
// its containers has a limit, and `asked`; the least of these. 0: no limit. Pure.
int64_t MemoryMountBytes(const core_v1::Pod& pod,
                         const std::map<std::string, Quantity>& node_allocatable,
                         const std::optional<Quantity>& asked);

// Makes `directory` a mount point of a tmpfs of its own, unless it is one: which is asked of the
// kernel, as the directory outlives a reboot and its mount does not. What an earlier mount did not
// hide is removed. Fails where nothing can be mounted, there is nothing on a disk then, and where
// the kernel does not tell, as without a descriptor to ask it by: what lies there may be a pod's.
Result<> EnsureMemoryMount(const std::string& directory, int64_t bytes_max);

// Whether the path is the root of a mount of a tmpfs.
bool IsMemoryMount(const std::string& path);

}  // namespace skiff::kubelet
