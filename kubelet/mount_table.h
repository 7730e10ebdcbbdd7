// What is mounted where, as this process sees it: /proc/self/mountinfo, read anew at each call.
#pragma once

#include <string>
#include <vector>

namespace skiff {

struct MountInfo {
  std::string path;           // The mount point.
  std::string type;           // "tmpfs", "cgroup2", ...
  std::string options;        // Of the mount: "ro,nosuid".
  std::string super_options;  // Of the file system: the controllers of a cgroup v1 hierarchy.
  bool is_shared = false;     // What is mounted below it, its peers see.
};

// One line of mountinfo. Pure; an empty path says that it is none.
MountInfo ParseMountInfo(const std::string& line);

// In the order of mounting; of those on one path the last is what is seen there.
std::vector<MountInfo> Mounts();

// The mount points at or below `path`, deepest first: in the order in which they can be unmounted.
std::vector<std::string> MountsBelow(const std::string& path);

}  // namespace skiff
