// Disks that pods mount by what they are, without a claim, and that cannot be mounted twice. Pure.
#pragma once

#include "api/gen/core_v1.h"

namespace skiff::scheduler {

// Whether one of its volumes is such a disk: of GCE, of AWS, of iSCSI, of Ceph.
bool MountsDisks(const core_v1::Pod& pod);
// Whether the two cannot be on one node, as both mount a disk that one of them writes. A disk of
// AWS is mounted once, whoever writes.
bool ShareDisk(const core_v1::Pod& a, const core_v1::Pod& b);

}  // namespace skiff::scheduler
