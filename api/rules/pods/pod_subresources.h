// The endpoints of a pod that change one part of its spec: ephemeralcontainers and resize. `pod` is
// what the client sent, with defaults; the rest of it is taken from `old`.
#pragma once

namespace skiff {

class Violations;

namespace core_v1 {
struct Pod;
}

void PreparePodEphemeralContainers(core_v1::Pod& pod, const core_v1::Pod& old);
void ValidatePodEphemeralContainers(const core_v1::Pod& pod, const core_v1::Pod& old,
                                    Violations& out);

void PreparePodResize(core_v1::Pod& pod, const core_v1::Pod& old);
void ValidatePodResize(const core_v1::Pod& pod, const core_v1::Pod& old, Violations& out);

}  // namespace skiff
