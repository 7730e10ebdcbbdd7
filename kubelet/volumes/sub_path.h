// A part of a volume that is mounted by itself. Whoever writes the volume may be a container of the
// same pod that runs already, and must not choose what of the host the next one gets: the part is
// found and made through descriptors, and what was found is mounted in the pod's own directory,
// where no container can put anything in its place. The runtime is given that mount.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff::kubelet {

struct SubPathInput {
  std::string volume_path;  // A directory; its own path is not in doubt.
  std::string sub_path;     // Relative; may lead over links that stay in the volume.
  std::string target;       // Where the part is mounted; its directory is the pod's own.
};

// Makes the part a directory like the volume's root unless it is there, and mounts it; again and
// again does no harm. Returns the target. Errors of making are AlreadyExists, those of leaving the
// volume Forbidden.
Result<std::string> MountSubPath(const SubPathInput& input);

}  // namespace skiff::kubelet
