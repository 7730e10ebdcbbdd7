// The conditions of a pod that the kubelet owns: PodReadyToStartContainers, Initialized, Ready,
// ContainersReady, PodScheduled, and while a resize is not done PodResizePending and
// PodResizeInProgress.
#pragma once

#include "kubelet/pod_status.h"

namespace skiff::kubelet {

inline constexpr char kPodResizePending[] = "PodResizePending";
inline constexpr char kPodResizeInProgress[] = "PodResizeInProgress";

// Foreign conditions of the old status come first and stay as they are; transition times move only
// with a condition's status. `status` has its phase and container statuses.
void FillConditions(const StatusInput& input, core_v1::PodStatus& status);

// The first half of it: foreign conditions alone, as a pod has them that was refused.
void KeepForeignConditions(const StatusInput& input, core_v1::PodStatus& status);

// Makes a status that says that the pod has ended say what `before` does of that: something of it
// still runs. Why it ends is told with its end.
void HoldBackEnd(const core_v1::PodStatus& before, core_v1::PodStatus& status);

// Whether the kubelet writes a condition of this type and reason; it leaves others' alone.
bool IsOwnCondition(const std::string& type, const std::string& reason);

}  // namespace skiff::kubelet
