// The configuration of a containerd of our own. Pure.
#pragma once

#include <string>

namespace skiff {

struct ContainerdConfig {
  std::string directory;      // Holds root/, run/, cni/net.d/ and certs.d/.
  std::string runc;           // Path of the program.
  std::string cni_bin;        // The folder of the CNI plugins.
  std::string sandbox_image;  // "skiff.local/pause:3.10"
  std::string snapshotter = "overlayfs";
  // Containers may not ask the kernel to spare them more than containerd itself is spared, which
  // the kernel would refuse on a machine without CAP_SYS_RESOURCE.
  bool restrict_oom_score_adj = false;
  bool app_armor = false;  // Containers get AppArmor profiles: the kernel enforces them.

  std::string Socket() const { return directory + "/run/containerd.sock"; }
  std::string CniConfDirectory() const { return directory + "/cni/net.d"; }
};

// config.toml, version 2: what containerd 1.6, 1.7 and 2.x read.
std::string ContainerdConfigText(const ContainerdConfig& config);

}  // namespace skiff
