// Pods leave nodes whose NoExecute taints they do not tolerate, or not for longer.
#include <fmt/format.h>

#include <algorithm>

#include "client/reconciler.h"
#include "controllers/figures.h"
#include "controllers/nodes/node_health.h"
#include "controllers/nodes/pod_marks.h"
#include "controllers/program.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;

bool Evicts(const Node& node) {
  return std::ranges::any_of(node.spec.taints,
                             [](const auto& taint) { return taint.effect == "NoExecute"; });
}

class TaintEvictionReconciler final : public Reconciler<Pod> {
 public:
  TaintEvictionReconciler(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        nodes_(manager.informer<Node>()),
        events_(manager.Recorder("taint-eviction-controller")),
        evicted_(metrics, {"taint_eviction_controller_pod_deletions_total",
                           "[ALPHA] Pods that were deleted for taints of their nodes."}),
        late_(metrics,
              {"taint_eviction_controller_pod_deletion_duration_seconds",
               "[ALPHA] How long after it was due such a pod was deleted."},
              {0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240}) {}

  Result<Requeue> Reconcile(const Pod& pod) override {
    const auto node = nodes_.Get({"", pod.spec.node_name});
    if (!node || pod.metadata.deletion_timestamp || IsEvicted(pod)) return Requeue::None();
    const Duration delay = EvictionDelay(node->spec.taints, pod.spec.tolerations);
    // Another time than was waited for, or none.
    if (delay == kNever || delay == Duration(0)) Cancel(KeyOf(pod));
    if (delay == kNever) return Requeue::None();
    const Duration left = delay == Duration(0) ? delay : Left(pod, delay);
    if (left > Duration(0)) return Requeue::After(left);
    const Duration begun = clock_.Monotonic();
    TRY(Evict(pod));
    const MutexLock lock(mutex_);
    const auto waited = due_.find(KeyOf(pod));  // None of those that may not wait.
    evicted_.Add();
    late_.Took({}, clock_.Monotonic() - (waited == due_.end() ? begun : waited->second.at));
    due_[KeyOf(pod)] = {pod.metadata.uid, clock_.Monotonic(), true};
    return Requeue::None();
  }

  void Forget(const ObjectKey& key) override { Cancel(key); }

  // Whether the pod is where pods are evicted, or was to be.
  bool Concerns(const Pod& pod) {
    if (pod.spec.node_name.empty()) return false;
    const auto node = nodes_.Get({"", pod.spec.node_name});
    if (node && Evicts(*node)) return true;
    const MutexLock lock(mutex_);
    return due_.contains(KeyOf(pod));
  }

 private:
  struct Due {
    std::string uid;
    Duration at;  // Monotonic.
    bool is_over = false;  // It was evicted, which the cache may not show yet.
  };

  bool IsEvicted(const Pod& pod) {
    const MutexLock lock(mutex_);
    const auto found = due_.find(KeyOf(pod));
    return found != due_.end() && found->second.uid == pod.metadata.uid && found->second.is_over;
  }

  // A time that was set once stays, whatever seconds the pod is given later.
  Duration Left(const Pod& pod, Duration delay) {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    const Due first{pod.metadata.uid, now + delay};
    Due& due = due_.try_emplace(KeyOf(pod), first).first->second;
    if (due.uid != first.uid) due = first;
    return due.at - now;
  }

  void Cancel(const ObjectKey& pod) {
    core_v1::ObjectReference about;
    {
      const MutexLock lock(mutex_);
      const auto found = due_.find(pod);
      if (found == due_.end()) return;
      const Due due = found->second;
      due_.erase(found);
      if (due.is_over) return;
      about.uid = due.uid;
    }
    about.api_version = "v1";
    about.kind = "Pod";
    about.namespace_ = pod.namespace_;
    about.name = pod.name;
    events_.Report(std::move(about), EventType::kNormal, "TaintManagerEviction",
                   fmt::format("Cancelling deletion of Pod {}", pod));
  }

  Result<> Evict(const Pod& pod) {
    events_.Normal(pod, "TaintManagerEviction",
                   fmt::format("Marking for deletion Pod {}", KeyOf(pod)));
    const Json patch = PatchOf(pod, {{"conditions", Disrupted(pod, "DeletionByTaintManager",
                                                              "Taint manager: deleting due to "
                                                              "NoExecute taint",
                                                              clock_.Now())}});
    const auto marked =
        client_.Patch(Pod::Info(), KeyOf(pod), PatchType::kStrategic, patch, "status");
    if (!marked && marked.error().reason != Reason::kNotFound) return Fail(marked.error());
    const auto deleted = client_.Delete(pod);
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    return {};
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Node> nodes_;
  EventRecorder& events_;
  const FigureCounter evicted_;
  const FigureHistogram late_;
  Mutex mutex_;
  std::map<ObjectKey, Due> due_ GUARDED_BY(mutex_);
};

}  // namespace

void AddTaintEvictionController(Manager& manager, MetricRegistry* metrics) {
  AddPodNodeIndex(manager);
  const auto pods = manager.informer<Pod>();
  auto reconciler = std::make_unique<TaintEvictionReconciler>(manager, metrics);
  ControllerBuilder<Pod>(manager, "taint-eviction-controller")
      .Only([&evictions = *reconciler](const Pod& pod) { return evictions.Concerns(pod); })
      .Watches<Node>([pods](const Node& node) {
        std::vector<ObjectKey> keys;
        if (!Evicts(node)) return keys;
        for (const auto& pod : pods.ByIndex("node", node.metadata.name)) {
          keys.push_back(KeyOf(*pod));
        }
        return keys;
      })
      .Workers(8)
      .Complete(std::move(reconciler));
}

}  // namespace skiff
