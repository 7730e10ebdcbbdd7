// Reads what the runtime has of a pod.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {

// Blocks on the runtime: two lists and a status for each sandbox and container of the pod.
Result<ObservedPod> ObservePod(ContainerRuntime& runtime, const std::string& pod_uid);

// Pods that the runtime has anything of: uid -> "namespace/name". Those without Kubernetes' labels
// are left out.
Result<std::map<std::string, std::string>> RuntimePods(ContainerRuntime& runtime);

// Stops and removes all that the runtime has of a pod: containers that still run get a second.
Result<> RemoveFromRuntime(ContainerRuntime& runtime, const std::string& pod_uid);

// "NAME_NAMESPACE(UID)", as the kubelet names pods in its messages.
std::string PodText(const core_v1::Pod& pod);

}  // namespace skiff::kubelet
