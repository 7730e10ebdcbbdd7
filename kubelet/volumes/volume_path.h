// Where the volumes of a pod are on the host: what is a device is given to containers as one, and
// never mounted, and nothing else is.
#pragma once

#include <map>
#include <string>

namespace skiff::kubelet {

struct VolumePath {
  std::string path;        // "": it is an image, which the runtime mounts.
  bool is_device = false;  // A link to it; else a directory, or a file, to mount.
};

using VolumePaths = std::map<std::string, VolumePath>;  // By the volume's name.

}  // namespace skiff::kubelet
