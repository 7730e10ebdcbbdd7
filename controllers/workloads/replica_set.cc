// ReplicaSet: as many pods of its template as it asks for.
#include <algorithm>
#include <limits>

#include "api/gen/apps_v1.h"
#include "base/seconds.h"
#include "client/reconciler.h"
#include "controllers/figures.h"
#include "controllers/program.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/replica_control.h"

namespace skiff {
namespace {

using apps_v1::ReplicaSet;
using core_v1::Pod;

// How much older the Ready pods that go are than the youngest one: older ones shall not go before
// younger ones because they are a little older.
ReplicaControl::Picked AgesTold(const Manager& manager, MetricRegistry* metrics) {
  const FigureHistogram ratios(
      metrics,
      {"replicaset_controller_sorting_deletion_age_ratio",
       "[ALPHA] Ages of Ready pods that went as there were too many, in ages of the youngest."},
      GrowingBounds(0.25, 2, 6));
  if (!ratios) return nullptr;
  return [ratios, &clock = manager.clock()](const auto& picked, const auto& among) {
    using Milliseconds = std::chrono::duration<int64_t, std::milli>;
    const auto age = [now = clock.Now()](const Pod& pod) {
      const Duration lived = Between(pod.metadata.creation_timestamp.point(), now);
      return std::chrono::duration_cast<Milliseconds>(lived).count();
    };
    int64_t youngest = std::numeric_limits<int64_t>::max();
    for (const auto& pod : among) {
      if (IsReady(*pod)) youngest = std::min(youngest, age(*pod));
    }
    if (youngest <= 0) return;  // Of this very moment.
    for (const auto& pod : picked) {
      // In whole numbers, as there.
      if (IsReady(*pod)) ratios.Observe({}, static_cast<double>(age(*pod) / youngest));
    }
  };
}

class ReplicaSetReconciler final : public Reconciler<ReplicaSet> {
 public:
  ReplicaSetReconciler(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        pods_(manager.informer<Pod>()),
        replica_sets_(manager.informer<ReplicaSet>()),
        control_(manager, manager.Recorder("replicaset-controller"), AgesTold(manager, metrics)) {}

  Result<Requeue> Reconcile(const ReplicaSet& set) override {
    if (!set.spec.selector) return Requeue::None();
    const auto selector = TRY(LabelSelector::From(*set.spec.selector));
    const ReplicaOwner owner = {.kind = ReplicaSet::Info(),
                                .metadata = set.metadata,
                                .pod_template = set.spec.template_,
                                .replicas = set.spec.replicas.value_or(1),
                                .min_ready_seconds = set.spec.min_ready_seconds};
    const auto outcome = TRY(
        control_.Run(owner, {.selector = selector,
                             .claim = [&] { return ClaimReplicas(client_, set, selector, pods_); },
                             .related = [&] { return Related(set); },
                             .failure = ReplicaFailureIn(set.status)}));
    const auto written = TRY(client_.PatchStatus(set,
                                                 [&](ReplicaSet& it) {
                                                   WriteReplicaStatus(outcome.status, it);
                                                   it.status.terminating_replicas =
                                                       outcome.status.terminating;
                                                 },
                                                 {.if_unchanged = true}));
    replica_sets_.Wrote(*written);
    if (outcome.error) return Fail(*outcome.error);
    return outcome.again == kNever ? Requeue::None() : Requeue::After(outcome.again);
  }

  void Forget(const ObjectKey& key) override { control_.Forget(key); }

 private:
  // Pods of all sets with the same controller, a Deployment's: they share nodes on purpose.
  std::vector<Ptr<Pod>> Related(const ReplicaSet& set) const {
    const meta_v1::OwnerReference* controller = ControllerOf(set.metadata);
    if (!controller) return pods_.ControlledBy(set.metadata);
    std::vector<Ptr<Pod>> related;
    const std::string& namespace_ = set.metadata.namespace_;
    for (const auto& sibling : replica_sets_.ControlledBy(namespace_, controller->uid)) {
      for (auto& pod : pods_.ControlledBy(sibling->metadata)) related.push_back(pod);
    }
    return related;
  }

  Client& client_;
  const Informer<Pod> pods_;
  const Informer<ReplicaSet> replica_sets_;
  ReplicaControl control_;
};

}  // namespace

void AddReplicaSetController(Manager& manager, MetricRegistry* metrics) {
  ControllerBuilder<ReplicaSet>(manager, "replicaset")
      .Owns<Pod>()
      .Watches<Pod>(MayAdopt(manager.informer<ReplicaSet>()))
      .Workers(5)
      .Complete(std::make_unique<ReplicaSetReconciler>(manager, metrics));
}

}  // namespace skiff
