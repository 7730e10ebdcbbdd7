// Whether this node takes a pod that was given to it. The scheduler has looked at the node as it
// was, others bind pods without looking, and some of what a pod asks for only the node knows to
// have: what it cannot give it refuses, in Kubernetes' words, rather than run the pod without it.
// Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "kubelet/sysctls.h"

namespace skiff::kubelet {

// What a node can give beside what its object says.
struct NodeAbilities {
  SysctlAllowlist sysctls{"6.0"};
  bool app_armor = false;                   // Kernel and runtime enforce profiles.
  bool supplemental_groups_policy = false;  // The runtime can leave the image's groups away.
};

// The pod ends as Failed with this, and an event says the same.
struct PodRefusal {
  std::string reason;   // "OutOfcpu", "NodeAffinity", "SysctlForbidden", ...
  std::string message;  // "Node didn't have enough resource: cpu, requested: 1000, ..."
  bool operator==(const PodRefusal&) const = default;
};

struct AdmissionInput {
  const core_v1::Pod& pod;
  const core_v1::Node& node;
  // The other pods that this node has taken and that have not ended.
  const std::vector<std::shared_ptr<const core_v1::Pod>>& others;
  const NodeAbilities& abilities;
};

// The first thing that speaks against the pod, in the kubelet's order. Critical pods (static, or of
// a system priority) are not refused for want of resources: others make room for them (preemption).
std::optional<PodRefusal> RefusePod(const AdmissionInput& input);

// So much more of a resource would have to be free for a pod.
struct Shortfall {
  std::string resource;  // "cpu", in milli; "pods", "memory", ...
  int64_t amount = 0;
  bool operator==(const Shortfall&) const = default;
};
std::vector<Shortfall> ShortfallsOf(const AdmissionInput& input);

// A refusal that a newer version of the node's object could lift: its labels, taints or what can be
// allocated may have changed.
bool DependsOnNode(const PodRefusal& refusal);

// The AppArmor profile of a container, or of one that an annotation names; nullopt: none is asked.
std::optional<core_v1::AppArmorProfile> AppArmorProfileOf(const core_v1::Pod& pod,
                                                          const core_v1::Container& container);

}  // namespace skiff::kubelet
