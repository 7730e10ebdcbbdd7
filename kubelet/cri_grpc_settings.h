// What a running containerd says of its own configuration.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff::cri {

struct ContainerdSettings {
  std::string sandbox_image;
  std::string cni_conf_directory;
  std::string cni_bin_directory;
  std::string snapshotter;
  // "systemd" or "cgroupfs", of the runtime that pods have who ask for none. "": it does not say.
  std::string cgroup_driver;
};

// From CRI's verbose status. Errors: kServiceUnavailable when nothing answers; kMethodNotAllowed
// when its CRI is off; kInvalid when it is no containerd.
Result<ContainerdSettings> ReadContainerdSettings(const std::string& endpoint);

}  // namespace skiff::cri
