// What a directory takes of a disk. Pods write what they like into theirs, so nothing is held in
// memory of a file, no symbolic link is followed, and no tree is too deep.
#pragma once

#include <cstdint>
#include <string>

namespace skiff::kubelet {

struct DirectoryUsage {
  int64_t bytes = 0;
  int64_t inodes = 0;
};
// What a directory and all below it takes, other file systems left out.
DirectoryUsage UsageOfDirectory(const std::string& path);

}  // namespace skiff::kubelet
