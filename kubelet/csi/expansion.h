// How a claim's volume that its driver has made larger grows on the node, and what its status says
// of that: RecoverVolumeExpansionFailure, as of Kubernetes v1.34. Pure.
#pragma once

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet::csi {

enum class Expansion {
  kNone,    // Nothing is to be done here, or not yet.
  kNode,    // It is done here, and the claim is told before and after.
  kSilent,  // Another node has told the claim: the volume is shared.
  kOld,     // As kNode, but whoever enlarged the volume writes no states of it.
};

struct ExpansionPlan {
  Expansion what = Expansion::kNone;
  Quantity size;  // What it grows to.
};

// `known` is the size that this node has seen the volume to have, or zero before it is mounted.
ExpansionPlan PlanExpansion(const core_v1::PersistentVolumeClaim& claim,
                            const core_v1::PersistentVolume& volume, const Quantity& known);

// What the driver said is no use asking for again, and what says that it does not grow in use.
bool IsInfeasible(const Error& error);
bool IsInUse(const Error& error);

void SetExpanding(core_v1::PersistentVolumeClaim& claim);
void SetExpanded(core_v1::PersistentVolumeClaim& claim, const Quantity& size);
// Nobody tries again when `is_infeasible`, until the claim asks for something else.
void SetExpansionFailed(core_v1::PersistentVolumeClaim& claim, const std::string& why,
                        bool is_infeasible, TimePoint now);

}  // namespace skiff::kubelet::csi
