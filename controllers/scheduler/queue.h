// Pods that wait for a node. Passive; the caller brings the time.
//
//             Add                    Pop                 Done
//   (new) ----------> active -----------------> in flight ----> (gone)
//                       ^   \ back-off over          | Unschedulable / Failed / Hold
//                       |    +---- backoff <---------+  an event came meanwhile, or an error
//      event that helps +---- unschedulable <--------+  nothing helps yet
//
// Active pods are ordered by priority, then by how long they wait. The back-off of a pod doubles
// with each failed attempt from 1 s to 10 s. After five minutes among the unschedulable a pod is
// tried again whatever happened.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

// What happened in the cluster that may let a rejected pod fit.
enum class ClusterEvent : uint32_t {
  kNodeAdded = 1 << 0,
  kNodeAllocatable = 1 << 1,
  kNodeLabels = 1 << 2,
  kNodeTaints = 1 << 3,
  kPodDeleted = 1 << 4,  // A pod left its node, or the space it was assumed to take.
  kPodAdded = 1 << 5,    // A pod was bound or its labels changed.
  kClaim = 1 << 6,
  kVolume = 1 << 7,
  kStorageClass = 1 << 8,
  kNamespace = 1 << 9,
  kService = 1 << 10,
  kVolumeLimit = 1 << 11,        // A node may hold more volumes of some driver.
  kAttachmentDeleted = 1 << 12,  // A volume left a node.
  kStorageCapacity = 1 << 13,    // A driver can make more, or no longer says how much.
  kDeviceClaim = 1 << 14,
  kDeviceClass = 1 << 15,
  kDeviceSlice = 1 << 16,
};

struct QueuedPod {
  PodInfoPtr info;
  Duration queued_at = {};
  int attempts = 0;  // Failed ones in a row.
  std::set<std::string> rejectors;
};

class SchedulingQueue {
 public:
  // A pod that is new, or that changed while it waits; a changed spec or labels may let it fit.
  void Add(PodInfoPtr pod, Duration now);
  // It is gone or has a node.
  void Remove(const std::string& key);
  // The next pod to try; it is in flight until Done, Unschedulable or Failed.
  std::optional<QueuedPod> Pop(Duration now);
  // It has been placed.
  void Done(const std::string& key);
  // No node would take it. Goes to the back-off when an event that may help came meanwhile.
  void Unschedulable(QueuedPod pod, std::set<std::string> rejectors, Duration now);
  // Something went wrong that has nothing to do with the pod; it is tried again after a back-off.
  void Failed(QueuedPod pod, Duration now);
  // It cannot even be tried, for the sake of that rule: it waits as if it had not been.
  void Hold(QueuedPod pod, const std::string& rule, Duration now);
  // `helps`: whether it helps a certain pod, which any such event may; empty: it does.
  using Helps = std::function<bool(const core_v1::Pod& pod)>;
  void Happened(ClusterEvent event, Duration now, const Helps& helps = {});
  // When Pop may have something; kNever when only an event can help, 0 when it has now.
  Duration NextDue(Duration now) const;
  size_t waiting() const { return active_.size() + backoff_.size() + unschedulable_.size(); }

 private:
  struct ActiveOrder {
    int priority;
    Duration since;
    std::string key;
    bool operator<(const ActiveOrder& other) const {
      if (priority != other.priority) return priority > other.priority;
      return std::tie(since, key) < std::tie(other.since, other.key);
    }
  };
  struct InFlight {
    uint64_t popped_at = 0;  // By happened_.
    bool removed = false;
    PodInfoPtr updated;  // The pod changed meanwhile.
  };
  void Activate(QueuedPod pod);
  void Wait(QueuedPod pod, const InFlight& flight, Duration now);
  void BackOffOrActivate(QueuedPod pod, Duration now);
  void FlushDue(Duration now);
  uint32_t EventsSince(const InFlight& flight) const;
  // Out of those that wait; nothing when it is not among them.
  std::optional<QueuedPod> TakeUnschedulable(const std::string& key);

  std::map<ActiveOrder, QueuedPod> active_;
  std::map<std::string, ActiveOrder> active_keys_;
  std::map<std::string, std::pair<Duration, QueuedPod>> backoff_;  // key -> (due, pod)
  std::map<std::string, QueuedPod> unschedulable_;
  // When each of those in backoff_ and unschedulable_ is tried again whatever happens.
  std::set<std::pair<Duration, std::string>> due_;
  std::map<std::string, InFlight> in_flight_;
  // An event costs the same however many pods are in flight: each of them asks afterwards.
  uint64_t happened_ = 0;                     // Events so far.
  std::map<uint32_t, uint64_t> happened_at_;  // The last of each sort, by its bit.
};

}  // namespace skiff::scheduler
