// What the server fills in and keeps when a pod is written.
#pragma once

#include "base/clock.h"

namespace skiff {

namespace core_v1 {
struct Pod;
}

void PreparePodCreate(core_v1::Pod& pod);
// The conditions that a new pod begins with begin now; `old` is nullptr on create.
void StampPod(core_v1::Pod& pod, const core_v1::Pod* old, TimePoint now);
void PreparePodStatusUpdate(core_v1::Pod& pod, const core_v1::Pod& old);

}  // namespace skiff
