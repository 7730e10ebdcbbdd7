// The status of a pod, computed from its spec and from what the runtime has. Pure: the status can
// always be made again, after a restart of the kubelet too.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubelet/pod_plan.h"
#include "kubelet/resize_plan.h"

namespace skiff::kubelet {

// Why a container that should run does not: shown as its waiting state.
struct WaitingReason {
  std::string reason;  // "ImagePullBackOff", "CrashLoopBackOff", ...
  std::string message;
  bool is_disruption = false;  // Of a pod: it fails because the node cannot keep it.
  std::string disruption = {};  // What its condition says of that; "": the message.
};

// How far a resize has come: the conditions PodResizePending and PodResizeInProgress.
struct ResizeState {
  std::optional<ResizePending> pending;
  bool in_progress = false;
  std::string error;
  int64_t generation = 0;  // Of the spec that is being acted on.
};

struct StatusInput {
  const core_v1::Pod& pod;  // With the status that the API has.
  const ObservedPod& observed;
  std::map<std::string, ProbeState> probes;  // By container name; absent: no startup probe.
  std::map<std::string, bool> ready;         // Result of the readiness probe; absent: none.
  std::map<std::string, WaitingReason> waiting;
  std::vector<std::string> node_ips;  // Of the host; the primary first.
  std::string runtime_name;           // Scheme of container ids: "containerd".
  TimePoint now{};
  bool terminating = false;  // Its containers are being stopped, or have been.
  bool terminated = false;   // All of its containers are gone for good.
  // Set by eviction, rejection or a deadline: phase Failed with this reason and message.
  std::optional<WaitingReason> failure;
  // The status computed last, which the API may not show yet; nullptr: none since the start.
  const core_v1::PodStatus* last = nullptr;
  Amounts actuated = {};  // What the runtime was told last.
  ResizeState resize = {};
  bool recursive_read_only = false;  // The runtime can make what is mounted in a mount read-only.
  // The runtime is in this process's memory: what was before its start only the status tells.
  bool runtime_forgets = false;
  // Names: as of PlanInput.
  std::set<std::string> killed_to_restart = {};

  const core_v1::PodStatus& Before() const { return last != nullptr ? *last : pod.status; }
};

// All but the conditions that others own, which are kept from the API's status.
core_v1::PodStatus ComputePodStatus(const StatusInput& input);

}  // namespace skiff::kubelet
