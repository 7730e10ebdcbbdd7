// Whether what happened to an object may let a pod fit that a rule refused. Pure.
//
// A pod that waits is tried again for what can help it, and for nothing else: with ten thousand
// that wait for room, one more node without room is not ten thousand attempts. kube-scheduler calls
// this queueing hints; where it says no of a change that does help, and lets the pod wait for five
// minutes, this says yes (hints.cc names these).
#pragma once

#include <memory>
#include <string_view>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/storage_v1.h"
#include "controllers/scheduler/queue_events.h"
#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

template <typename T>
struct BeforeAndNow {
  std::shared_ptr<const T> before;  // Null: it is new.
  std::shared_ptr<const T> now;     // Null: it is gone.
};

// What happened, to one object. Pods are those that have a place, or had: another node's, or that
// they waited for.
struct Change {
  BeforeAndNow<PodInfo> pod;
  BeforeAndNow<NodeInfo> node;  // Without their pods.
  BeforeAndNow<core_v1::PersistentVolumeClaim> claim;
  BeforeAndNow<core_v1::PersistentVolume> volume;
  BeforeAndNow<storage_v1::StorageClass> storage_class;
  BeforeAndNow<resource_v1::ResourceClaim> device_claim;
};

// `rule` refused the pod; `view` needs no nodes. Of rules that are not ours: anything may help.
bool MayHelp(std::string_view rule, const PodInfo& pod, ClusterEvent event, const Change& change,
             const Snapshot& view);

// The same of what changed about the pod itself.
bool MayHelpItself(std::string_view rule, const PodInfo& before, const PodInfo& now,
                   const Snapshot& view);

// Whether the pod asks for less than before of something.
bool AsksForLess(const PodInfo& before, const PodInfo& now);

}  // namespace skiff::scheduler
