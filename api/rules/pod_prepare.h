// What the server fills in and keeps when a pod is written.
#pragma once

namespace skiff {

namespace core_v1 {
struct Pod;
}

void PreparePodCreate(core_v1::Pod& pod);
void PreparePodStatusUpdate(core_v1::Pod& pod, const core_v1::Pod& old);

}  // namespace skiff
