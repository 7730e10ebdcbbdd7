// PodDisruptionBudgets: how many pods the eviction subresource may delete at present.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "api/gen/apps_v1.h"
#include "api/select/selector.h"
#include "api/select/selector_go_text.h"
#include "client/reconciler.h"
#include "controllers/program.h"
#include "controllers/workloads/disruption_budget.h"

namespace skiff {
namespace {

using core_v1::Pod;
using policy_v1::PodDisruptionBudget;

// The pods a budget picks: an empty selector all of the namespace, a missing one none.
Result<LabelSelector> SelectorOf(const PodDisruptionBudget& budget) {
  if (!budget.spec.selector) return LabelSelector::Nothing();
  return LabelSelector::From(*budget.spec.selector);
}

class BudgetReconciler final : public Reconciler<PodDisruptionBudget> {
 public:
  explicit BudgetReconciler(Manager& manager)
      : client_(manager.client()),
        clock_(manager.clock()),
        budgets_(manager.informer<PodDisruptionBudget>()),
        pods_(manager.informer<Pod>()),
        replica_sets_(manager.informer<apps_v1::ReplicaSet>()),
        deployments_(manager.informer<apps_v1::Deployment>()),
        stateful_sets_(manager.informer<apps_v1::StatefulSet>()),
        controllers_(manager.informer<core_v1::ReplicationController>()),
        events_(manager.Recorder("controllermanager")) {}

  Result<Requeue> Reconcile(const PodDisruptionBudget& budget) override {
    BudgetInput input{budget, {}, 0, clock_.Now()};
    const auto selector = TRY(SelectorOf(budget));
    input.pods = pods_.ListIn(budget.metadata.namespace_);
    std::erase_if(input.pods,
                  [&](const auto& pod) { return !selector.Matches(pod->metadata.labels); });
    if (input.pods.empty()) events_.Normal(budget, "NoPods", "No matching pods found");
    if (NeedsScale(budget)) {
      const auto scale = ScaleOf(budget, input.pods);
      if (!scale) return Give(budget, scale.error());
      input.scale = *scale;
    }
    const BudgetOutcome outcome = Judge(input);
    for (const std::string& name : outcome.not_deleted) {
      const auto pod = pods_.Get({budget.metadata.namespace_, name});
      if (!pod) continue;
      events_.Warning(*pod, "NotDeleted",
                      fmt::format("Pod was expected by PDB {}/{} to be deleted but it wasn't",
                                  budget.metadata.namespace_, budget.metadata.namespace_));
    }
    // The eviction subresource writes the same lists: only over the version that was judged.
    const auto written = TRY(
        client_.PatchStatus(budget, [&](PodDisruptionBudget& it) { it.status = outcome.status; },
                            {.if_unchanged = true}));
    budgets_.Wrote(*written);
    return outcome.again == kNever ? Requeue::None() : Requeue::After(outcome.again);
  }

 private:
  Result<Requeue> Give(const PodDisruptionBudget& budget, const Error& error) {
    events_.Warning(
        budget, "CalculateExpectedPodCountFailed",
        fmt::format("Failed to calculate the number of expected pods: {}", error.message));
    TRY(client_.PatchStatus(budget,
                            [&](PodDisruptionBudget& it) {
                              it.status = FailedStatus(budget, error.message, clock_.Now());
                            },
                            {.if_unchanged = true}));
    return Fail(error);
  }

  // What the controllers of the pods want in all, each counted once.
  Result<int> ScaleOf(const PodDisruptionBudget& budget, const std::vector<Ptr<Pod>>& pods) {
    std::map<std::string, int> scales;  // By uid.
    bool unmanaged = false;
    for (const auto& pod : pods) {
      const meta_v1::OwnerReference* owner = ControllerOf(pod->metadata);
      if (!owner) {
        unmanaged = true;
      } else if (!scales.contains(owner->uid)) {
        const auto counted = TRY(ScaleOfOwner(*pod, *owner));
        scales[owner->uid] = 0;  // Looked at.
        scales[counted.first] = counted.second;
      }
    }
    if (unmanaged) TellUnmanaged(budget);
    int64_t sum = 0;
    for (const auto& [uid, scale] : scales) sum += scale;
    return static_cast<int>(std::min<int64_t>(sum, std::numeric_limits<int32_t>::max()));
  }

  Result<std::pair<std::string, int>> ScaleOfOwner(const Pod& pod,
                                                   const meta_v1::OwnerReference& owner) {
    const ObjectKey key = {pod.metadata.namespace_, owner.name};
    if (owner.kind == "ReplicaSet") {
      if (const auto set = replica_sets_.Get(key); set && set->metadata.uid == owner.uid) {
        const meta_v1::OwnerReference* above = ControllerOf(set->metadata);
        const auto deployment =
            above ? deployments_.Get({pod.metadata.namespace_, above->name}) : nullptr;
        if (deployment && deployment->metadata.uid == above->uid) {
          return std::pair(above->uid, deployment->spec.replicas.value_or(1));
        }
        return std::pair(owner.uid, set->spec.replicas.value_or(1));
      }
    } else if (owner.kind == "StatefulSet") {
      if (const auto set = stateful_sets_.Get(key); set && set->metadata.uid == owner.uid) {
        return std::pair(owner.uid, set->spec.replicas.value_or(1));
      }
    } else if (owner.kind == "ReplicationController") {
      if (const auto found = controllers_.Get(key); found && found->metadata.uid == owner.uid) {
        return std::pair(owner.uid, found->spec.replicas.value_or(1));
      }
    }
    return Fail(Reason::kNotFound,
                fmt::format("found no controllers for pod \"{}\"", pod.metadata.name));
  }

  void TellUnmanaged(const PodDisruptionBudget& budget) {
    events_.Warning(
        budget, "UnmanagedPods",
        fmt::format("Pods selected by this PodDisruptionBudget (selector: {}) were found to be "
                    "unmanaged. As a result, the status of the PDB cannot be calculated "
                    "correctly, which may result in undefined behavior. To account for these pods "
                    "please set \".spec.minAvailable\" field of the PDB to an integer value.",
                    budget.spec.selector ? GoSelectorText(*budget.spec.selector) : "nil"));
  }

  Client& client_;
  const Clock& clock_;
  const Informer<PodDisruptionBudget> budgets_;
  const Informer<Pod> pods_;
  const Informer<apps_v1::ReplicaSet> replica_sets_;
  const Informer<apps_v1::Deployment> deployments_;
  const Informer<apps_v1::StatefulSet> stateful_sets_;
  const Informer<core_v1::ReplicationController> controllers_;
  EventRecorder& events_;
};

}  // namespace

void AddDisruptionController(Manager& manager) {
  const auto budgets = manager.informer<PodDisruptionBudget>();
  EventRecorder& events = manager.Recorder("controllermanager");
  ControllerBuilder<PodDisruptionBudget>(manager, "disruption")
      .Watches<Pod>([budgets, &events](const Pod& pod) {
        std::vector<ObjectKey> keys;
        for (const auto& budget : budgets.ListIn(pod.metadata.namespace_)) {
          const auto selector = SelectorOf(*budget);
          if (selector && selector->Matches(pod.metadata.labels)) keys.push_back(KeyOf(*budget));
        }
        if (keys.size() > 1) {  // Of which the eviction subresource takes none.
          events.Warning(pod, "MultiplePodDisruptionBudgets",
                         fmt::format("Pod \"{}\"/\"{}\" matches multiple PodDisruptionBudgets.  "
                                     "Chose \"{}\" arbitrarily.",
                                     pod.metadata.namespace_, pod.metadata.name, keys[0].name));
        }
        return keys;
      })
      // Who scales pods is looked up among these.
      .Watches<apps_v1::ReplicaSet>([](const auto&) { return std::vector<ObjectKey>(); })
      .Watches<apps_v1::Deployment>([](const auto&) { return std::vector<ObjectKey>(); })
      .Watches<apps_v1::StatefulSet>([](const auto&) { return std::vector<ObjectKey>(); })
      .Watches<core_v1::ReplicationController>([](const auto&) { return std::vector<ObjectKey>(); })
      .Workers(1)
      .Complete(std::make_unique<BudgetReconciler>(manager));
}

}  // namespace skiff
