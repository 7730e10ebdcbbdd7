// Reads what the runtime has of a pod.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {

// Blocks on the runtime: two lists and a status for each sandbox and container of the pod.
Result<ObservedPod> ObservePod(ContainerRuntime& runtime, const std::string& pod_uid);

// Every sandbox, without its annotations: pods say as much as they like in theirs, and those that
// have ended count for nothing. Where all of them are more than one answer may hold, those that are
// ready, and of every pod that has a container; what is left out then holds nothing of the node.
Result<std::vector<cri::Sandbox>> AllSandboxes(ContainerRuntime& runtime);

// Pods that the runtime has anything of: uid -> "namespace/name". Those without Kubernetes' labels
// are left out.
Result<std::map<std::string, std::string>> RuntimePods(ContainerRuntime& runtime);

// Stops and removes all that the runtime has of a pod: containers that still run get a second.
Result<> RemoveFromRuntime(ContainerRuntime& runtime, const std::string& pod_uid);

// "NAME_NAMESPACE(UID)", as the kubelet names pods in its messages.
std::string PodText(const core_v1::Pod& pod);

}  // namespace skiff::kubelet
