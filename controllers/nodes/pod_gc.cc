// Removes pods that nobody else removes: too many finished ones, those of nodes that are gone, and
// those that were deleted before they ever ran, or on a node that was shut down since.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/log.h"
#include "controllers/figures.h"
#include "controllers/nodes/node_health.h"
#include "controllers/nodes/pod_marks.h"
#include "controllers/program.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;

constexpr Duration kPeriod = 20s;
// A node is given this long to come (back) before its pods go.
constexpr Duration kQuarantine = 40s;

// Why a pod goes, as metrics say it.
constexpr std::string_view kWhyTerminated = "terminated";
constexpr std::string_view kWhyOrphaned = "orphaned";
constexpr std::string_view kWhyUnscheduled = "unscheduled";
constexpr std::string_view kWhyOutOfService = "out-of-service";

// Whether pods that were deleted there are gone, though nobody there says so.
bool IsDead(const Node& node) {
  return !IsReady(node) && IsOutOfService(node);
}

class PodCollector final : public ControlLoop {
 public:
  PodCollector(Manager& manager, int terminated_threshold, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        pods_(manager.informer<Pod>()),
        nodes_(manager.informer<Node>()),
        terminated_threshold_(terminated_threshold),
        tried_(metrics, {"pod_gc_collector_force_delete_pods_total",
                         "[ALPHA] How often a pod was to be removed as nobody else does, by why.",
                         {"namespace", "reason"}}),
        failed_(metrics, {"pod_gc_collector_force_delete_pod_errors_total",
                          "[ALPHA] How often such a pod could not be removed, by why it was to go.",
                          {"namespace", "reason"}}) {
    // Only a pod or node that makes work wakes the loop; an idle cluster sleeps.
    pods_.OnChange([this](const auto&, const auto& now) {
      if (now && (now->metadata.deletion_timestamp || IsTerminal(*now) || IsLost(*now))) Wake();
    });
    nodes_.OnChange([this](const auto& before, const auto& now) {
      if (!now || (IsDead(*now) && !(before && IsDead(*before)))) Wake();
    });
  }

  Duration Step() override {
    if (!pods_.synced() || !nodes_.synced()) return 1s;
    const Duration wait = not_before_ - clock_.Monotonic();
    if (wait > Duration(0)) return wait;
    not_before_ = clock_.Monotonic() + kPeriod;
    are_left_ = false;
    const auto pods = pods_.List();
    CollectTerminated(pods);
    const bool waiting = CollectLost(pods);
    CollectDeleted(pods);
    return waiting || are_left_ ? kPeriod : kNever;
  }

 private:
  bool IsLost(const Pod& pod) const {
    return !pod.spec.node_name.empty() && !nodes_.Get({"", pod.spec.node_name});
  }

  void CollectTerminated(const std::vector<Ptr<Pod>>& pods) {
    if (terminated_threshold_ <= 0) return;
    std::vector<Ptr<Pod>> terminated;
    std::copy_if(pods.begin(), pods.end(), std::back_inserter(terminated),
                 [](const auto& pod) { return IsTerminal(*pod); });
    const size_t kept = terminated_threshold_;
    if (terminated.size() <= kept) return;
    const auto rank = [](const Ptr<Pod>& pod) {
      const bool evicted = pod->status.phase == "Failed" && pod->status.reason == "Evicted";
      return std::tuple(!evicted, pod->metadata.creation_timestamp, pod->metadata.name);
    };
    std::sort(terminated.begin(), terminated.end(),
              [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    terminated.resize(terminated.size() - kept);
    for (const auto& pod : terminated) Remove(*pod, kWhyTerminated);
  }

  // True while some node is in quarantine.
  bool CollectLost(const std::vector<Ptr<Pod>>& pods) {
    std::map<std::string, Duration> missing;
    for (const auto& pod : pods) {
      if (!IsLost(*pod)) continue;
      const std::string& name = pod->spec.node_name;
      const auto since = missing_.find(name);
      missing[name] = since == missing_.end() ? clock_.Monotonic() : since->second;
    }
    missing_ = std::move(missing);
    bool waiting = false;
    std::set<std::string> gone;  // Anybody may name as many nodes as pods.
    for (const auto& [name, since] : missing_) {
      if (clock_.Monotonic() - since < kQuarantine) {
        waiting = true;
        continue;
      }
      const auto live = client_.Get<Node>({"", name});
      if (live || live.error().reason != Reason::kNotFound) {
        waiting = true;
        continue;
      }
      gone.insert(name);
    }
    for (const auto& pod : pods) {
      if (gone.contains(pod->spec.node_name)) Remove(*pod, kWhyOrphaned);
    }
    return waiting;
  }

  void CollectDeleted(const std::vector<Ptr<Pod>>& pods) {
    for (const auto& pod : pods) {
      if (!pod->metadata.deletion_timestamp) continue;
      if (pod->spec.node_name.empty()) {
        Remove(*pod, kWhyUnscheduled);
      } else if (OnDeadNode(*pod)) {
        Remove(*pod, kWhyOutOfService);
      }
    }
  }

  bool OnDeadNode(const Pod& pod) const {
    const auto node = nodes_.Get({"", pod.spec.node_name});
    return node && IsDead(*node);
  }

  void Remove(const Pod& pod, std::string_view why) {
    tried_.Add({pod.metadata.namespace_, why});  // Also where it fails, as there.
    if (!IsTerminal(pod)) {
      Json status = {{"phase", "Failed"}, {"observedGeneration", pod.metadata.generation}};
      if (why == kWhyOrphaned) {
        status["conditions"] =
            Disrupted(pod, "DeletionByPodGC", "PodGC: node no longer exists", clock_.Now());
      }
      const Json patch = PatchOf(pod, std::move(status));
      const auto failed =
          client_.Patch(Pod::Info(), KeyOf(pod), PatchType::kStrategic, patch, "status");
      if (!failed) return Report(pod, why, failed.error());
    }
    const auto deleted = client_.Delete(pod, {.grace_period_s = 0});
    if (!deleted) Report(pod, why, deleted.error());
  }

  // The next round tries again.
  void Report(const Pod& pod, std::string_view why, const Error& error) {
    if (error.reason == Reason::kNotFound || error.reason == Reason::kConflict) return;
    failed_.Add({pod.metadata.namespace_, why});
    are_left_ = true;
    log_.Info("pod not collected", {{"pod", KeyOf(pod)}, {"error", error.message}});
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Pod> pods_;
  const Informer<Node> nodes_;
  const int terminated_threshold_;
  const FigureCounter tried_, failed_;
  const Log log_{"pod gc"};
  Duration not_before_ = Duration(0);
  bool are_left_ = false;                    // Some could not be removed in this round.
  std::map<std::string, Duration> missing_;  // Nodes that pods name, and since when they lack.
};

}  // namespace

void AddPodGarbageCollector(Manager& manager, int terminated_threshold, MetricRegistry* metrics) {
  manager.AddLoop(std::make_unique<PodCollector>(manager, terminated_threshold, metrics));
}

}  // namespace skiff
