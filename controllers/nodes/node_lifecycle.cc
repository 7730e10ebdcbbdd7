// Nodes that stop reporting become Unknown; taints and the readiness of pods follow the conditions
// of their node. The rules are in node_health.cc.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/gen/coordination_v1.h"
#include "client/reconciler.h"
#include "controllers/nodes/node_figures.h"
#include "controllers/nodes/node_health.h"
#include "controllers/program.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using coordination_v1::Lease;
using core_v1::Node;
using core_v1::Pod;

constexpr std::string_view kLeaseNamespace = "kube-node-lease";

// When each node was last heard of, by this process's own clock. Thread-safe.
class Heartbeats {
 public:
  explicit Heartbeats(const Clock& clock) : clock_(clock) {}
  // `has_lease`: it is heard of beside its status.
  void SawNode(const Ptr<Node>& before, const Ptr<Node>& now, bool has_lease) {
    const MutexLock lock(mutex_);
    if (!now) {
      heard_.erase(before->metadata.name);
      return;
    }
    const auto beat = [](const Ptr<Node>& node) {
      const auto* ready = node ? FindCondition(*node, "Ready") : nullptr;
      return ready ? ready->last_heartbeat_time : Time();
    };
    if (!before || beat(before) != beat(now)) {
      const Duration silent = before || has_lease ? Duration(0) : SilenceOfNew(*now);
      heard_[now->metadata.name] = clock_.Monotonic() - silent;
    }
  }
  void SawLease(const Ptr<Lease>& before, const Ptr<Lease>& now) {
    if (!now || now->metadata.namespace_ != kLeaseNamespace || !now->spec.renew_time) return;
    if (before && before->spec.renew_time && *before->spec.renew_time >= *now->spec.renew_time) {
      return;
    }
    const MutexLock lock(mutex_);
    const auto found = heard_.find(now->metadata.name);
    if (found != heard_.end()) found->second = clock_.Monotonic();
  }
  // How long ago; 0 for a node nobody knows.
  Duration Silence(const std::string& node) const {
    const MutexLock lock(mutex_);
    const auto found = heard_.find(node);
    return found == heard_.end() ? Duration(0) : clock_.Monotonic() - found->second;
  }
  void ResetAll() {
    const MutexLock lock(mutex_);
    for (auto& [node, at] : heard_) at = clock_.Monotonic();
  }

 private:
  // A node that never said how it is has been silent since it was made, also where this process
  // comes to know of it later.
  Duration SilenceOfNew(const Node& node) const {
    if (FindCondition(node, "Ready") != nullptr) return Duration(0);
    return std::max(Duration(0), clock_.Now() - node.metadata.creation_timestamp.point());
  }

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Duration> heard_ GUARDED_BY(mutex_);
};

// Marks silent nodes Unknown. Sleeps until the first node can have been silent for too long, and
// looks every period at those that have been: one that reports again, Ready or not, may fall silent
// again.
class NodeMonitor final : public ControlLoop {
 public:
  NodeMonitor(Manager& manager, const ControllerOptions& options)
      : client_(manager.client()),
        clock_(manager.clock()),
        nodes_(manager.informer<Node>()),
        leases_(manager.informer<Lease>()),
        options_(options),
        heartbeats_(manager.clock()),
        figures_(options.metrics) {
    nodes_.OnChange([this](const auto& before, const auto& now) {
      figures_.Saw(before.get(), now.get());
      heartbeats_.SawNode(before, now, now && HasLease(now->metadata.name));
      const bool is_news = !before || (now && IsReady(*before) != IsReady(*now));
      if (is_news && ShortestGrace() < looks_at_.load() - clock_.Monotonic()) Wake();
    });
    nodes_.cache().OnSynced([this] { Wake(); });
    leases_.OnChange(
        [this](const auto& before, const auto& now) { heartbeats_.SawLease(before, now); });
    leases_.cache().OnSynced([this] { Wake(); });
  }

  Duration Step() override {
    if (!nodes_.synced() || !leases_.synced()) return kNever;
    looks_at_ = kNever;  // Who comes from here on may not be seen by this look.
    Duration next = kNever;
    const Duration begin = clock_.Monotonic();
    for (const auto& node : nodes_.List()) {
      const Duration begins_it = clock_.Monotonic();
      next = std::min(next, Look(*node));
      figures_.LookedAtOne(clock_.Monotonic() - begins_it);
    }
    figures_.LookedAtAll(clock_.Monotonic() - begin);
    if (next != kNever) looks_at_ = clock_.Monotonic() + next;
    return next;
  }
  Heartbeats& heartbeats() { return heartbeats_; }

 private:
  // No node has to be looked at sooner than this after it was heard of.
  Duration ShortestGrace() const {
    return std::min(options_.node_monitor_grace_period, options_.node_startup_grace_period);
  }

  bool HasLease(const std::string& node) const {
    const auto lease = leases_.Get({std::string(kLeaseNamespace), node});
    return lease && lease->spec.renew_time;
  }

  // How long until this node has to be looked at again.
  Duration Look(const Node& node) {
    const bool reported = FindCondition(node, "Ready") != nullptr;
    const Duration grace =
        reported ? options_.node_monitor_grace_period : options_.node_startup_grace_period;
    const Duration left = grace - heartbeats_.Silence(node.metadata.name);
    if (left > Duration(0)) return left;
    Node unknown = node;
    if (!MarkUnknown(unknown, clock_.Now())) return options_.node_monitor_period;
    const auto written = client_.UpdateStatus(unknown);
    if (!written) {
      log_.Info("node status not written",
                {{"node", node.metadata.name}, {"error", written.error().message}});
    }
    return options_.node_monitor_period;
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Node> nodes_;
  const Informer<Lease> leases_;
  const ControllerOptions options_;
  Heartbeats heartbeats_;
  NodeFigures figures_;
  std::atomic<Duration> looks_at_ = kNever;  // By the monotonic clock.
  const Log log_{"node lifecycle"};
};

// The zones' states, and when each may give up its next node. Thread-safe.
class Zones {
 public:
  Zones(const Clock& clock, Informer<Node> nodes, const ControllerOptions& options)
      : clock_(clock), options_(options) {
    nodes.OnChange([this](const auto& before, const auto& now) {
      const MutexLock lock(mutex_);
      counts_.Saw(before.get(), now.get());
    });
  }

  // How long until a node of the zone may get its NoExecute taint; 0 takes the turn, kNever when
  // the zone gives up none for now.
  Duration TakeTurn(const std::string& zone) {
    const EvictionRates rates = {options_.node_eviction_rate, options_.secondary_node_eviction_rate,
                                 options_.large_cluster_size_threshold};
    const MutexLock lock(mutex_);
    const auto counts = counts_.Of(zone);
    const ZoneState state =
        StateOf(counts.ready, counts.not_ready, options_.unhealthy_zone_threshold);
    const Duration pause = PauseOf(RateOf(state, counts.ready + counts.not_ready, rates));
    if (pause == kNever) return kNever;
    const Duration now = clock_.Monotonic();
    Duration& next = next_.try_emplace(zone, now).first->second;
    if (next > now) return next - now;
    next = now + pause;
    return Duration(0);
  }

  // Not one node of any zone is ready: rather the network to them is gone than all of them.
  bool AllDown() const {
    const MutexLock lock(mutex_);
    const auto& zones = counts_.zones();
    return !zones.empty() && std::all_of(zones.begin(), zones.end(), [&](const auto& entry) {
      return StateOf(entry.second.ready, entry.second.not_ready,
                     options_.unhealthy_zone_threshold) == ZoneState::kFullDisruption;
    });
  }

 private:
  const Clock& clock_;
  const ControllerOptions options_;
  mutable Mutex mutex_;
  ZoneCounts counts_ GUARDED_BY(mutex_);
  std::map<std::string, Duration> next_ GUARDED_BY(mutex_);
};

class NodeReconciler final : public Reconciler<Node> {
 public:
  NodeReconciler(Manager& manager, const ControllerOptions& options, Heartbeats& heartbeats)
      : client_(manager.client()),
        clock_(manager.clock()),
        pods_(manager.informer<Pod>()),
        events_(manager.Recorder("node-controller")),
        options_(options),
        heartbeats_(heartbeats),
        zones_(manager.clock(), manager.informer<Node>(), options) {}

  Result<Requeue> Reconcile(const Node& node) override {
    const bool became_known = Tell(node);
    Node wanted = node;
    SetBetaLabels(wanted);
    SetNoScheduleTaints(wanted, clock_.Now());
    if (became_known) SetNoExecuteTaint(wanted, "", clock_.Now());
    const Duration again = SetNoExecute(wanted);
    const bool changes = wanted.metadata.labels != node.metadata.labels ||
                         !(wanted.spec.taints == node.spec.taints);
    const auto change = [labels = wanted.metadata.labels, taints = wanted.spec.taints](Node& it) {
      it.metadata.labels = labels;
      it.spec.taints = taints;
    };
    Requeue requeue = again == kNever ? Requeue::None() : Requeue::After(again);
    if (HasPodsToMark(node)) {
      if (changes) TRY(client_.Patch(node, change, {.if_unchanged = true}));
      TRY(MarkPodsNotReady(node));
    } else if (changes) {
      requeue.last = LastPatch(client_, node, change, {.if_unchanged = true});
    }
    return requeue;
  }

  void Forget(const ObjectKey& key) override {
    const MutexLock lock(mutex_);
    const auto known = known_.find(key.name);
    if (known == known_.end()) return;
    core_v1::ObjectReference reference;
    reference.api_version = "v1";
    reference.kind = "Node";
    reference.name = key.name;
    reference.uid = known->second.uid;
    events_.Report(
        std::move(reference), EventType::kNormal, "RemovingNode",
        fmt::format("Node {} event: Removing Node {} from Controller", key.name, key.name));
    known_.erase(known);
  }

 private:
  struct Known {
    std::string uid;
    bool ready = false;
    // Uids of pods that were ready when it fell silent, and are to be marked. Those of a kubelet
    // that says itself that its node is not ready are its own business.
    std::set<std::string> to_mark = {};
  };

  // Events of what became of the node since it was last seen; true when it was not known.
  bool Tell(const Node& node) {
    const std::string& name = node.metadata.name;
    const MutexLock lock(mutex_);
    const auto [known, created] = known_.try_emplace(name, Known{node.metadata.uid, false});
    const bool is_new = created || known->second.uid != node.metadata.uid;
    if (is_new) {
      events_.Normal(node, "RegisteredNode",
                     fmt::format("Node {} event: Registered Node {} in Controller", name, name));
    } else if (known->second.ready && IsSilent(node)) {
      events_.Normal(node, "NodeNotReady",
                     fmt::format("Node {} status is now: NodeNotReady", name));
    }
    const bool fell_silent = (is_new || known->second.ready) && IsSilent(node);
    known->second.uid = node.metadata.uid;
    known->second.ready = IsReady(node);
    if (is_new || known->second.ready) known->second.to_mark.clear();
    if (!fell_silent) return is_new;
    for (const auto& pod : pods_.ByIndex("node", name)) {
      if (IsReady(*pod)) known->second.to_mark.insert(pod->metadata.uid);
    }
    return is_new;
  }

  bool HasPodsToMark(const Node& node) {
    const MutexLock lock(mutex_);
    return !known_[node.metadata.name].to_mark.empty();
  }

  bool IsToMark(const Node& node, const Pod& pod) {
    const MutexLock lock(mutex_);
    return known_[node.metadata.name].to_mark.contains(pod.metadata.uid);
  }

  // How long until it has to be tried again.
  Duration SetNoExecute(Node& node) {
    const std::string_view wanted = NoExecuteTaintFor(node);
    const std::string_view present = NoExecuteTaintOf(node);
    const bool down = zones_.AllDown();
    if (all_down_.exchange(down) && !down) heartbeats_.ResetAll();
    if (wanted.empty() || down) {
      SetNoExecuteTaint(node, "", clock_.Now());
      // When other nodes come back, this one is looked at again.
      return down && !wanted.empty() ? options_.node_monitor_period : kNever;
    }
    if (wanted == present) return kNever;
    if (present.empty()) {
      const Duration turn = zones_.TakeTurn(ZoneOf(node));
      if (turn == kNever) return options_.node_monitor_period;
      if (turn > Duration(0)) return turn;
    }
    SetNoExecuteTaint(node, wanted, clock_.Now());
    return kNever;
  }

  // One whose status cannot be written does not keep the others in service.
  Result<> MarkPodsNotReady(const Node& node) {
    Result<> all;
    for (const auto& pod : pods_.ByIndex("node", node.metadata.name)) {
      if (!IsReady(*pod) || !IsToMark(node, *pod)) continue;
      Pod changed = *pod;
      for (auto& condition : changed.status.conditions) {
        if (condition.type != "Ready") continue;
        condition.status = "False";
        condition.last_transition_time = clock_.Now();
      }
      const auto written = client_.UpdateStatus(changed);
      if (!written && written.error().reason != Reason::kNotFound) all = Fail(written.error());
      if (!written) continue;
      events_.Warning(*pod, "NodeNotReady", "Node is not ready");
      const MutexLock lock(mutex_);
      known_[node.metadata.name].to_mark.erase(pod->metadata.uid);
    }
    if (!all) return all;
    const MutexLock lock(mutex_);
    known_[node.metadata.name].to_mark.clear();
    return {};
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Pod> pods_;
  EventRecorder& events_;
  const ControllerOptions options_;
  Heartbeats& heartbeats_;
  Zones zones_;
  std::atomic<bool> all_down_ = false;
  Mutex mutex_;
  std::map<std::string, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace

void AddPodNodeIndex(Manager& manager) {
  manager.informer<Pod>().AddIndex("node", [](const Pod& pod) -> std::vector<std::string> {
    if (pod.spec.node_name.empty()) return {};
    return {pod.spec.node_name};
  });
}

void AddNodeLifecycleController(Manager& manager, const ControllerOptions& given) {
  AddPodNodeIndex(manager);
  ControllerOptions options = given;
  options.node_monitor_period = LookPeriod(given.node_monitor_period);
  auto monitor = std::make_unique<NodeMonitor>(manager, options);
  // Before the builder: what it counts of a change is counted when the node's turn comes.
  auto reconciler = std::make_unique<NodeReconciler>(manager, options, monitor->heartbeats());
  ControllerBuilder<Node>(manager, "nodelifecycle")
      // Whose pods are to be marked not ready has to be known first.
      .Watches<Pod>([](const auto&) { return std::vector<ObjectKey>(); })
      .Workers(8)
      .Complete(std::move(reconciler));
  manager.AddLoop(std::move(monitor));
}

}  // namespace skiff
