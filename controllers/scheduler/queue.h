// Pods that wait for a node. Passive; the caller brings the time.
//
//             Add                    Pop                 Done
//   (new) ----------> active -----------------> in flight ----> (gone)
//                       ^   \ back-off over          | Unschedulable / Failed / Hold
//                       |    +---- backoff <---------+  an event came meanwhile, or an error
//      event that helps +---- unschedulable <--------+  nothing helps yet
//
// Active pods are ordered by priority, then by how long they wait. The back-off of a pod doubles
// with each failed attempt from 1 s to 10 s; those that were rejected are tried earlier when nobody
// is active, by the second in which it would be over, then as active ones. After five minutes among
// the unschedulable a pod is tried again whatever happened.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "controllers/scheduler/hints.h"
#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

struct QueuedPod {
  PodInfoPtr info;
  Duration queued_at = {};
  int attempts = 0;  // That ended in a rejection.
  int errors = 0;    // Attempts in a row that could not be decided, or not be carried out.
  std::set<std::string> rejectors;  // Of the last attempt; none during the next one.
  uint32_t helpful = 0;  // Sorts of events, by their bits, that matter to one of these.
  bool is_held = false;  // It cannot be tried (Hold).
  // How often it has been tried, this time included; since when it could be, as active for the
  // first time; and since when it is, this time.
  int tries = 0;
  std::optional<Duration> first_active_at;
  Duration tried_at{};
};

// How long a pod waits before it is tried again; all of them more than nothing.
struct QueueDelays {
  Duration first = 1s;            // After one attempt; twice as long after each further one,
  Duration most = 10s;            // but no longer than this. Not less than `first`.
  Duration unschedulable = 5min;  // Though nothing has happened that may help.
};

class SchedulingQueue {
 public:
  // What a pod's hints are told of the cluster (MayHelp); lives as long as the queue.
  using View = std::function<const Snapshot*(const core_v1::Pod& pod)>;
  // Null: the sort of an event decides alone, whatever it happened to.
  explicit SchedulingQueue(View view = nullptr, QueueDelays delays = {})
      : view_(std::move(view)), delays_(delays) {}

  // Told of each pod that comes to "active", "backoff" or "unschedulable", and by what event, both
  // in Kubernetes' words. Before the first Add.
  using Incoming = std::function<void(std::string_view queue, std::string_view event)>;
  void TellIncoming(Incoming incoming) { incoming_ = std::move(incoming); }

  // Told of each pod that rules refused (its rejectors) when it waits for another attempt, and when
  // it does no longer. Before the first Add.
  using Refusals = std::function<void(const QueuedPod& pod, bool waits)>;
  void TellRefusals(Refusals refusals) { refusals_ = std::move(refusals); }

  // Told what the hint of a rule said of an event, in Kubernetes' words, and how long that took: of
  // one in so many, as thousands may wait. Before the first Add; `clock` outlives the queue.
  static constexpr size_t kHintsPerTold = 16;
  using Hinted =
      std::function<void(std::string_view rule, std::string_view event, bool helps, Duration took)>;
  void TellHints(const Clock& clock, Hinted hinted) {
    clock_ = &clock;
    hinted_ = std::move(hinted);
  }

  // Told how long it took to find out whom an event may help, in Kubernetes' words. Before the
  // first Add; `clock` outlives the queue.
  using Handled = std::function<void(std::string_view event, Duration took)>;
  void TellHandled(const Clock& clock, Handled handled) {
    clock_ = &clock;
    handled_ = std::move(handled);
  }

  // A pod that is new, or that changed while it waits; a changed spec or labels may let it fit.
  void Add(PodInfoPtr pod, Duration now);
  // It is gone or has a node.
  void Remove(const std::string& key);
  // The next pod to try; it is in flight until Done, Unschedulable or Failed.
  std::optional<QueuedPod> Pop(Duration now);
  // It has been placed, or is gone. Another one that has its name by now is new.
  void Done(const std::string& key);
  // No node would take it. Goes to the back-off when an event that may help came meanwhile.
  void Unschedulable(QueuedPod pod, std::set<std::string> rejectors, Duration now);
  // Something went wrong that has nothing to do with the pod; it is tried again after a back-off.
  void Failed(QueuedPod pod, Duration now);
  // It cannot even be tried, for the sake of that rule: it waits as if it had not been.
  void Hold(QueuedPod pod, const std::string& rule, Duration now);
  // `change`: to what. Null: whatever has to do with such an event is tried again.
  void Happened(ClusterEvent event, Duration now, const Change* change = nullptr);
  // The pod in flight is decided from now on, and others are decided meanwhile: what happens until
  // it is over is kept for it, object by object. One pod at a time.
  void KeepFor(const std::string& key);
  void KeepNoMore() { kept_.reset(); }
  // Whether it matters to anybody to which object something happened.
  bool AnyListens() const { return !unschedulable_.empty() || kept_; }
  // When Pop may have something; kNever when only an event can help, 0 when it has now.
  Duration NextDue(Duration now) const;
  struct Sizes {
    size_t active = 0;
    size_t backoff = 0;
    size_t unschedulable = 0;
    size_t held = 0;
  };
  Sizes sizes() const {
    return {active_.size(), backoff_.size(), unschedulable_.size() - held_, held_};
  }
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
  struct EarlyOrder {
    Duration due;  // In whole seconds.
    ActiveOrder then;
    bool operator<(const EarlyOrder& other) const {
      return due != other.due ? due < other.due : then < other.then;
    }
  };
  struct Happening {
    ClusterEvent event;
    std::optional<Change> change;
  };
  struct Kept {
    std::string key;
    std::vector<Happening> happenings;
    bool are_all = true;
  };
  static constexpr size_t kKeptMax = 4096;  // More happenings: their sorts decide.
  struct InFlight {
    uint64_t since = 0;  // By happened_.
    std::string uid;
    bool removed = false;
    PodInfoPtr updated;  // The pod changed meanwhile, or another one has its name.
    Duration updated_at{};
    std::optional<Kept> kept;
  };
  // The flight is over.
  InFlight Land(const std::string& key);
  // Of those whose back-off is not over the next one to try; nothing when there is none.
  std::optional<QueuedPod> TakeEarly();
  std::optional<EarlyOrder> EarlyOrderOf(Duration due, const QueuedPod& pod) const;
  void EraseBackOff(std::map<std::string, std::pair<Duration, QueuedPod>>::iterator place);
  Duration BackOff(int attempts) const;
  void Activate(QueuedPod pod, Duration now, std::string_view event);
  void Wait(QueuedPod pod, const InFlight& flight, Duration now);
  void BackOffOrActivate(QueuedPod pod, Duration now, std::string_view event);
  void TellOf(std::string_view queue, std::string_view event) const {
    if (incoming_) incoming_(queue, event);
  }
  void TellOfRefusal(const QueuedPod& pod, bool waits) const {
    if (refusals_ && !pod.rejectors.empty()) refusals_(pod, waits);
  }
  // A newer version of it, or another pod that has its name by now.
  void Renew(QueuedPod& waiting, PodInfoPtr now) const;
  void FlushDue(Duration now);
  uint32_t EventsSince(const InFlight& flight) const;
  void Handle(ClusterEvent event, Duration now, const Change* change);
  // Whether something that happened during the flight may let the pod fit.
  bool WasHelped(const QueuedPod& rejected, const InFlight& flight) const;
  bool Helps(const QueuedPod& waiting, ClusterEvent event, const Change* change) const;
  bool AskHint(const std::string& rule, const QueuedPod& waiting, ClusterEvent event,
               const Change& change, const Snapshot& view) const;
  // Whether that it changed itself may let it fit.
  bool HelpsItself(const QueuedPod& waiting, const PodInfo& now) const;
  // A pod comes to those that nothing helps yet, or leaves them.
  void CountListener(const QueuedPod& waiting, bool comes);
  // Out of those that wait; nothing when it is not among them.
  std::optional<QueuedPod> TakeUnschedulable(const std::string& key);

  const View view_;
  Incoming incoming_;
  Refusals refusals_;
  const Clock* clock_ = nullptr;  // Null: nobody is told how long anything takes.
  Hinted hinted_;
  Handled handled_;
  mutable size_t hints_asked_ = 0;
  const QueueDelays delays_;
  std::map<ActiveOrder, QueuedPod> active_;
  std::unordered_map<std::string, ActiveOrder> active_keys_;
  std::map<std::string, std::pair<Duration, QueuedPod>> backoff_;  // key -> (due, pod)
  std::set<EarlyOrder> early_;  // Those of them that may be tried before.
  std::map<std::string, QueuedPod> unschedulable_;
  size_t held_ = 0;  // Of these.
  // How many of these each sort of event matters to, by the place of its bit: with ten thousand
  // that wait for room, most of what happens matters to none.
  std::array<size_t, 32> listeners_{};
  // When each of those in backoff_ and unschedulable_ is tried again whatever happens.
  std::set<std::pair<Duration, std::string>> due_;
  std::unordered_map<std::string, InFlight> in_flight_;
  std::optional<Kept> kept_;
  // An event costs the same however many pods are in flight: each of them asks afterwards, by
  // sorts. Most are decided before anything can happen.
  uint64_t happened_ = 0;                     // Events so far.
  std::map<uint32_t, uint64_t> happened_at_;  // The last of each sort, by its bit.
};

}  // namespace skiff::scheduler
