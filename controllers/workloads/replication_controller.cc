// ReplicationController: the ReplicaSet of core/v1, with a selector of plain labels.
#include "client/reconciler.h"
#include "controllers/program.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/replica_control.h"

namespace skiff {
namespace {

using core_v1::Pod;
using core_v1::ReplicationController;

class ReplicationControllerReconciler final : public Reconciler<ReplicationController> {
 public:
  explicit ReplicationControllerReconciler(Manager& manager)
      : client_(manager.client()),
        controllers_(manager.informer<ReplicationController>()),
        pods_(manager.informer<Pod>()),
        control_(manager, manager.Recorder("replication-controller")) {}

  Result<Requeue> Reconcile(const ReplicationController& controller) override {
    if (controller.spec.selector.empty() || !controller.spec.template_) return Requeue::None();
    const ReplicaOwner owner = {.kind = ReplicationController::Info(),
                                .metadata = controller.metadata,
                                .pod_template = *controller.spec.template_,
                                .replicas = controller.spec.replicas.value_or(1),
                                .min_ready_seconds = controller.spec.min_ready_seconds};
    const auto selector = LabelSelector::FromMap(controller.spec.selector);
    const auto outcome = TRY(control_.Run(
        owner, {.selector = selector,
                .claim = [&] { return ClaimReplicas(client_, controller, selector, pods_); },
                .related = [&] { return pods_.ControlledBy(controller.metadata); },
                .failure = ReplicaFailureIn(controller.status)}));
    const auto written = TRY(client_.PatchStatus(
        controller, [&](ReplicationController& it) { WriteReplicaStatus(outcome.status, it); },
        {.if_unchanged = true}));
    controllers_.Wrote(*written);
    if (outcome.error) return Fail(*outcome.error);
    return outcome.again == kNever ? Requeue::None() : Requeue::After(outcome.again);
  }

  void Forget(const ObjectKey& key) override { control_.Forget(key); }

 private:
  Client& client_;
  const Informer<ReplicationController> controllers_;
  const Informer<Pod> pods_;
  ReplicaControl control_;
};

}  // namespace

void AddReplicationControllerController(Manager& manager) {
  ControllerBuilder<ReplicationController>(manager, "replicationcontroller")
      .Owns<Pod>()
      .Watches<Pod>(MayAdopt(manager.informer<ReplicationController>()))
      .Workers(5)
      .Complete(std::make_unique<ReplicationControllerReconciler>(manager));
}

}  // namespace skiff
