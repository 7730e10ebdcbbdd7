// Which pods keep a claim from going. Pure.
#pragma once

#include "api/gen/core_v1.h"

namespace skiff {

// A pod that runs or ran somewhere and refers to the claim. Kubelets do not start one whose claim
// is being deleted. A claim that was made for the pod does not wait for the end of it: one would
// hold the other for ever, where something else holds the pod.
bool UsesClaim(const core_v1::Pod& pod, const core_v1::PersistentVolumeClaim& claim);

}  // namespace skiff
