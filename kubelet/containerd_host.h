// What a containerd of our own needs from the machine, and what is missing, in words for a person.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace skiff {

struct ContainerdHost {
  std::optional<std::string> containerd;  // Paths of the programs.
  std::optional<std::string> runc;
  std::optional<std::string> cni_bin;  // The folder that has all the plugins we need.
  std::string snapshotter;             // "overlayfs", or "native" where overlayfs does not work.
  bool may_raise_priority = true;      // CAP_SYS_RESOURCE.
  bool app_armor = false;              // Containers can have AppArmor profiles.
  // Each says what is missing and what helps; containers cannot run while there is one.
  std::vector<std::string> problems;
  // What works, but worse.
  std::vector<std::string> notes;
};

// `directory` is where images will lie: overlayfs is tried there. Creates and removes a folder in
// it.
ContainerdHost InspectHost(const std::string& directory);

// The mount point of a cgroup hierarchy: of v2 with controller "", of the v1 one that has
// `controller` ("memory", "name=systemd") otherwise. Unset when there is none.
std::optional<std::string> CgroupMount(const std::string& controller);

// Whether the kernel enforces AppArmor profiles, and the program that loads them is there.
bool HasAppArmor();

// What the cgroup of every container is told beside its limits, by files of v2: its processes end
// together when memory runs out, and none of them is swapped out. Those files that our own cgroup
// has too; none under v1. As kubelet's defaults (singleProcessOOMKill false, NoSwap).
std::map<std::string, std::string> ContainerCgroupFiles();

// The mount points of all cgroup hierarchies.
std::vector<std::string> CgroupMounts();

}  // namespace skiff
