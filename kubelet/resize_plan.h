// In-place resize, as decisions: whether the node has room for what a pod's spec asks for now, and
// what its containers then need. Pure.
//
//   spec --DecideResize--> allotted --PlanResizes--> what the runtime was told last (actuated)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/pods/pod_resources.h"
#include "kubelet/pod_amounts.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {

// Of the node: what pods may have, and what the other pods have been allotted.
struct NodeRoom {
  Resources allocatable;
  Resources used;
};

// Why a pod keeps what it has: the condition PodResizePending.
struct ResizePending {
  std::string reason;  // "Deferred": may become possible; "Infeasible": never on this node.
  std::string message;
  bool operator==(const ResizePending&) const = default;
};

// nullopt: there is room for it.
std::optional<ResizePending> DecideResize(const core_v1::PodSpec& wanted, const NodeRoom& room);

// An amount that a spec has come to ask otherwise for.
struct RequestedResize {
  const char* resource;     // "cpu", "memory"
  const char* requirement;  // "requests", "limits"
  const char* operation;    // "add", "remove", "increase", "decrease"
};
std::vector<RequestedResize> RequestedResizes(const core_v1::PodSpec& before,
                                              const core_v1::PodSpec& now);

struct ContainerResize {
  std::string name;
  std::string id;
  bool restarts = false;  // Its policy for what changes wants a new container.
  bool shrinks = false;   // It gets less memory, or as much and less CPU.
};

// Running containers of the newest sandbox that have not what the pod's spec, which says what they
// are allotted, gives them. Those that shrink come first.
std::vector<ContainerResize> PlanResizes(const core_v1::PodSpec& allotted,
                                         const ObservedPod& observed, const Amounts& actuated);

}  // namespace skiff::kubelet
