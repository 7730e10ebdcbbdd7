// What the runtime has of one pod, as the kubelet reads it before it decides anything.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// Labels and annotations that tie what the runtime runs to its pod; Kubernetes' own.
inline constexpr char kPodNameLabel[] = "io.kubernetes.pod.name";
inline constexpr char kPodNamespaceLabel[] = "io.kubernetes.pod.namespace";
inline constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";
inline constexpr char kContainerNameLabel[] = "io.kubernetes.container.name";
inline constexpr char kContainerHashAnnotation[] = "io.kubernetes.container.hash";
inline constexpr char kRestartCountAnnotation[] = "io.kubernetes.container.restartCount";

// Whether `a`, a sandbox or a container, was made after `b` of the same pod and name. Attempts are
// counted: between them the machine's clock may have been set back.
template <typename T>
bool IsLater(const T& a, const T& b) {
  return std::pair(a.metadata.attempt, a.created_at) > std::pair(b.metadata.attempt, b.created_at);
}

struct ObservedContainer {
  std::string name;
  std::string sandbox_id;
  uint32_t attempt = 0;
  std::string hash;  // Of the spec it was made from.
  cri::ContainerStatus status;
  // With the text of the termination message file appended.
  std::string message;

  bool IsRunning() const { return status.state == cri::ContainerState::kRunning; }
  bool IsExited() const { return status.state == cri::ContainerState::kExited; }
};

struct ObservedPod {
  std::vector<cri::SandboxStatus> sandboxes;                         // Newest first.
  std::map<std::string, std::vector<ObservedContainer>> containers;  // By name, newest first.

  const ObservedContainer* Newest(const std::string& name) const;
  // The attempt before: that which the pod's status has as lastState, the newest itself while that
  // is backed off from; else the second. Null where there is none.
  const ObservedContainer* Previous(const std::string& name,
                                    const core_v1::PodStatus& status) const;
  bool AnyRunning() const;
};

// Name and image, hex: a running container whose spec no longer has this hash is replaced.
std::string ContainerHash(const core_v1::Container& container);

bool IsSidecar(const core_v1::Container& init_container);

// Whether a container that exited like this is started again: its own rules, its own policy, the
// pod's, in this order.
bool RestartsAfter(const core_v1::Container& container, const core_v1::PodSpec& spec,
                   int exit_code);

}  // namespace skiff::kubelet
