// ReplicaSet: as many pods of its template as it asks for.
#include "api/gen/apps_v1.h"
#include "client/reconciler.h"
#include "controllers/claim.h"
#include "controllers/program.h"
#include "controllers/replica_control.h"

namespace skiff {
namespace {

using apps_v1::ReplicaSet;
using core_v1::Pod;

constexpr std::string_view kReplicaFailure = "ReplicaFailure";

class ReplicaSetReconciler final : public Reconciler<ReplicaSet> {
 public:
  explicit ReplicaSetReconciler(Manager& manager)
      : client_(manager.client()),
        pods_(manager.informer<Pod>()),
        replica_sets_(manager.informer<ReplicaSet>()),
        control_(manager, manager.Recorder("replicaset-controller")) {}

  Result<Requeue> Reconcile(const ReplicaSet& set) override {
    if (!set.spec.selector) return Requeue::None();
    const auto selector = TRY(LabelSelector::From(*set.spec.selector));
    const ReplicaOwner owner = {.kind = ReplicaSet::Info(),
                                .metadata = set.metadata,
                                .pod_template = set.spec.template_,
                                .replicas = set.spec.replicas.value_or(1),
                                .min_ready_seconds = set.spec.min_ready_seconds};
    ReplicaControl::Observed observed;
    observed.unseen = control_.Unseen(KeyOf(set));
    observed.mine = TRY(ClaimObjects(client_, set, selector, pods_));
    observed.related = Related(set);
    observed.failure = Failure(set);
    const auto outcome = control_.Run(owner, observed);
    TRY(client_.PatchStatus(set, [&](ReplicaSet& it) { Write(outcome.status, it); }));
    if (outcome.error) return Fail(*outcome.error);
    return outcome.again == kNever ? Requeue::None() : Requeue::After(outcome.again);
  }

  void Forget(const ObjectKey& key) override { control_.Forget(key); }

 private:
  // Pods of all sets with the same controller, a Deployment's: they share nodes on purpose.
  std::vector<Ptr<Pod>> Related(const ReplicaSet& set) const {
    const meta_v1::OwnerReference* controller = ControllerOf(set.metadata);
    if (!controller) return pods_.ControlledBy(set.metadata.uid);
    std::vector<Ptr<Pod>> related;
    for (const auto& sibling : replica_sets_.ControlledBy(controller->uid)) {
      for (auto& pod : pods_.ControlledBy(sibling->metadata.uid)) related.push_back(pod);
    }
    return related;
  }

  static std::optional<ReplicaFailure> Failure(const ReplicaSet& set) {
    for (const auto& condition : set.status.conditions) {
      if (condition.type != kReplicaFailure) continue;
      return ReplicaFailure{condition.reason, condition.message, condition.last_transition_time};
    }
    return std::nullopt;
  }

  static void Write(const ReplicaStatus& status, ReplicaSet& set) {
    set.status.replicas = status.replicas;
    set.status.fully_labeled_replicas = status.fully_labeled;
    set.status.ready_replicas = status.ready;
    set.status.available_replicas = status.available;
    set.status.terminating_replicas = status.terminating;
    set.status.observed_generation = set.metadata.generation;
    std::erase_if(set.status.conditions, [](const auto& it) { return it.type == kReplicaFailure; });
    if (!status.failure) return;
    auto& condition = set.status.conditions.emplace_back();
    condition.type = kReplicaFailure;
    condition.status = "True";
    condition.last_transition_time = status.failure->since;
    condition.reason = status.failure->reason;
    condition.message = status.failure->message;
  }

  Client& client_;
  const Informer<Pod> pods_;
  const Informer<ReplicaSet> replica_sets_;
  ReplicaControl control_;
};

}  // namespace

void AddReplicaSetController(Manager& manager) {
  const auto sets = manager.informer<ReplicaSet>();
  ControllerBuilder<ReplicaSet>(manager, "replicaset")
      .Owns<Pod>()
      .Watches<Pod>([sets](const Pod& pod) {
        std::vector<ObjectKey> keys;
        if (ControllerOf(pod.metadata)) return keys;
        for (const auto& set : sets.ListIn(pod.metadata.namespace_)) {
          if (!set->spec.selector) continue;
          const auto selector = LabelSelector::From(*set->spec.selector);
          if (selector && selector->Matches(pod.metadata.labels)) keys.push_back(KeyOf(*set));
        }
        return keys;
      })
      .Workers(5)
      .Complete(std::make_unique<ReplicaSetReconciler>(manager));
}

}  // namespace skiff
