// Whom a StatefulSet's claims go with, by its retention policy: nobody, the set, or the pod that
// was scaled away. Pure.
#pragma once

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff::stateful {

struct ClaimHolder {
  const core_v1::Pod* pod = nullptr;  // nullptr while it does not exist.
  bool condemned = false;             // Its ordinal is out of the set's range.
};

// Makes the policy's owners of the claim's; false when they are so already, or are those of a set
// or a pod that had this name before, which its collection waits for.
bool SetOwners(const apps_v1::StatefulSet& set, const ClaimHolder& holder,
               core_v1::PersistentVolumeClaim& claim);
// Whether somebody else controls the claim, so that the policy does not count for it.
bool HasOtherController(const apps_v1::StatefulSet& set, const ClaimHolder& holder,
                        const core_v1::PersistentVolumeClaim& claim);
// A claim that goes with a pod of that name which is no more.
bool IsStale(const apps_v1::StatefulSet& set, const core_v1::PersistentVolumeClaim& claim,
             const core_v1::Pod* pod);

}  // namespace skiff::stateful
