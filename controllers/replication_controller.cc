// ReplicationController: the ReplicaSet of core/v1, with a selector of plain labels.
#include "client/reconciler.h"
#include "controllers/claim.h"
#include "controllers/program.h"
#include "controllers/replica_control.h"

namespace skiff {
namespace {

using core_v1::Pod;
using core_v1::ReplicationController;

constexpr std::string_view kReplicaFailure = "ReplicaFailure";

class ReplicationControllerReconciler final : public Reconciler<ReplicationController> {
 public:
  explicit ReplicationControllerReconciler(Manager& manager)
      : client_(manager.client()),
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
    ReplicaControl::Observed observed;
    observed.unseen = control_.Unseen(KeyOf(controller));
    observed.mine = TRY(ClaimObjects(client_, controller, selector, pods_));
    observed.related = pods_.ControlledBy(controller.metadata.uid);
    observed.failure = Failure(controller);
    const auto outcome = control_.Run(owner, observed);
    TRY(client_.PatchStatus(controller,
                            [&](ReplicationController& it) { Write(outcome.status, it); }));
    if (outcome.error) return Fail(*outcome.error);
    return outcome.again == kNever ? Requeue::None() : Requeue::After(outcome.again);
  }

  void Forget(const ObjectKey& key) override { control_.Forget(key); }

 private:
  static std::optional<ReplicaFailure> Failure(const ReplicationController& controller) {
    for (const auto& condition : controller.status.conditions) {
      if (condition.type != kReplicaFailure) continue;
      return ReplicaFailure{condition.reason, condition.message, condition.last_transition_time};
    }
    return std::nullopt;
  }

  static void Write(const ReplicaStatus& status, ReplicationController& controller) {
    controller.status.replicas = status.replicas;
    controller.status.fully_labeled_replicas = status.fully_labeled;
    controller.status.ready_replicas = status.ready;
    controller.status.available_replicas = status.available;
    controller.status.observed_generation = controller.metadata.generation;
    auto& conditions = controller.status.conditions;
    std::erase_if(conditions, [](const auto& it) { return it.type == kReplicaFailure; });
    if (!status.failure) return;
    auto& condition = conditions.emplace_back();
    condition.type = kReplicaFailure;
    condition.status = "True";
    condition.last_transition_time = status.failure->since;
    condition.reason = status.failure->reason;
    condition.message = status.failure->message;
  }

  Client& client_;
  const Informer<Pod> pods_;
  ReplicaControl control_;
};

}  // namespace

void AddReplicationControllerController(Manager& manager) {
  const auto controllers = manager.informer<ReplicationController>();
  ControllerBuilder<ReplicationController>(manager, "replicationcontroller")
      .Owns<Pod>()
      .Watches<Pod>([controllers](const Pod& pod) {
        std::vector<ObjectKey> keys;
        if (ControllerOf(pod.metadata)) return keys;
        for (const auto& controller : controllers.ListIn(pod.metadata.namespace_)) {
          const auto& selector = controller->spec.selector;
          if (!selector.empty() && LabelSelector::FromMap(selector).Matches(pod.metadata.labels)) {
            keys.push_back(KeyOf(*controller));
          }
        }
        return keys;
      })
      .Workers(5)
      .Complete(std::make_unique<ReplicationControllerReconciler>(manager));
}

}  // namespace skiff
