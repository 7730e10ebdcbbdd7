// Mounts travel between a machine and its containers only where both are on a mount that is shared.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff::kubelet {

// Makes the kubelet's directory a mount that is shared, as `mount --make-rshared` does, unless it
// lies on one: on a machine that systemd has started all is; in a container nothing is. To be
// called before a pod's first volume is made; again does nothing. Where pods run already, on mounts
// that a mount of the directory itself would hide, it fails with Conflict and changes nothing.
Result<> MakeRootShared(const std::string& root);

}  // namespace skiff::kubelet
