// PodDisruptionBudgets: how many pods the eviction subresource may delete at present.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "api/codec/document.h"
#include "api/gen/apps_v1.h"
#include "api/pods/conditions.h"
#include "api/pods/pod_phase.h"
#include "api/select/selector.h"
#include "api/select/selector_go_text.h"
#include "base/seconds.h"
#include "client/reconciler.h"
#include "controllers/machinery/kind_finder.h"
#include "controllers/program.h"
#include "controllers/workloads/budget_index.h"
#include "controllers/workloads/disruption_budget.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Pod;
using policy_v1::PodDisruptionBudget;

constexpr char kDisruptionTarget[] = "DisruptionTarget";

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
        events_(manager.Recorder("controllermanager")),
        kinds_(client_, clock_) {}

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
    return ScaleOfOther(pod, owner);
  }

  // Of any kind that says itself how many there are to be.
  Result<std::pair<std::string, int>> ScaleOfOther(const Pod& pod,
                                                   const meta_v1::OwnerReference& owner) {
    const std::string group = TRY(GroupOfVersion(owner.api_version));
    const Resource resource = TRY(kinds_.Find(group, owner.kind));
    const auto scale = ScaleIn(client_, resource, {pod.metadata.namespace_, owner.name});
    if (!scale && scale.error().reason != Reason::kNotFound) return Fail(scale.error());
    bool has_scale = true;
    if (!scale) {
      has_scale = TRY(HasScale(resource));
    } else if (TextAt(scale->value("metadata", Json::object()), "uid") == owner.uid) {
      return std::pair(owner.uid, static_cast<int>(std::clamp<int64_t>(
                                      NumberAt(*scale, "spec.replicas"), 0, INT32_MAX)));
    }
    if (!has_scale) {
      return Fail(Reason::kNotFound, fmt::format("{}{}{} does not implement the scale subresource",
                                                 resource.name, group.empty() ? "" : ".", group));
    }
    return Fail(Reason::kNotFound,
                fmt::format("found no controllers for pod \"{}\"", pod.metadata.name));
  }

  Result<bool> HasScale(const Resource& resource) {
    const std::string& version = resource.api_version;
    const std::string root = version.find('/') == std::string::npos ? "/api/" : "/apis/";
    const Json served = TRY(client_.GetPath(root + version));
    const auto resources = served.find("resources");
    return resources != served.end() && std::ranges::any_of(*resources, [&](const Json& each) {
             return TextAt(each, "name") == resource.name + "/scale";
           });
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
  KindFinder kinds_;
};

// Whether it may never be taken back that the pod is to go: who said so is not its kubelet.
bool MayBeStale(const Pod& pod) {
  const auto* said = FindCondition(pod.status.conditions, kDisruptionTarget);
  return said != nullptr && said->status == "True" && said->reason != "TerminationByKubelet" &&
         !pod.metadata.deletion_timestamp && !HasEnded(pod.status.phase);
}

// Takes it back of those that are still here.
class StaleDisruptions final : public Reconciler<Pod> {
 public:
  explicit StaleDisruptions(Manager& manager)
      : client_(manager.client()), clock_(manager.clock()) {}

  Result<Requeue> Reconcile(const Pod& pod) override {
    if (!MayBeStale(pod)) return Requeue::None();
    const TimePoint now = clock_.Now();
    const auto* said = FindCondition(pod.status.conditions, kDisruptionTarget);
    const Duration left = Between(now, Later(said->last_transition_time.point(), kStaleAfter));
    if (left > Duration(0)) return Requeue::After(left);
    core_v1::PodCondition taken_back;
    taken_back.type = kDisruptionTarget;
    taken_back.status = "False";
    taken_back.observed_generation = pod.metadata.generation;
    taken_back.last_transition_time = Time(now);
    TRY(client_.PatchStatus(pod,
                            [&](Pod& it) {
                              *std::ranges::find(it.status.conditions, kDisruptionTarget,
                                                 &core_v1::PodCondition::type) = taken_back;
                            },
                            {.if_unchanged = true}));
    return Requeue::None();
  }

 private:
  static constexpr Duration kStaleAfter = 2min;
  Client& client_;
  const Clock& clock_;
};

// Whether budgets count the two alike: what else changes of a pod wakes none of them.
bool BudgetsCountAlike(const Pod& a, const Pod& b) {
  const auto* owner = ControllerOf(a.metadata);
  const auto* other = ControllerOf(b.metadata);
  return a.metadata.uid == b.metadata.uid && a.metadata.labels == b.metadata.labels &&
         a.metadata.deletion_timestamp.has_value() == b.metadata.deletion_timestamp.has_value() &&
         IsReady(a) == IsReady(b) &&
         (owner == nullptr || other == nullptr ? owner == other : *owner == *other);
}

// Whether a set of pods says nothing new of how many there are to be.
template <typename Set>
bool ScaleAlike(const Set& a, const Set& b) {
  return a.metadata.uid == b.metadata.uid && a.spec.replicas == b.spec.replicas;
}
// Where a Deployment is above it, that is asked.
bool ScaleSetAlike(const apps_v1::ReplicaSet& a, const apps_v1::ReplicaSet& b) {
  const auto* above = ControllerOf(b.metadata);
  return above != nullptr && above->kind == "Deployment" ? a.metadata.uid == b.metadata.uid
                                                         : ScaleAlike(a, b);
}

// Wakes the budgets that a pod counts for: a few at once, as they are meant to be, and all of a
// namespace by turns where there are more, however much is written to their pods meanwhile.
class BudgetAlarm {
 public:
  explicit BudgetAlarm(Manager& manager)
      : budgets_(manager.informer<PodDisruptionBudget>()),
        index_(BudgetIndex::Of(budgets_)),
        events_(manager.Recorder("controllermanager")) {}
  // Before anything is heard.
  void Ring(WorkQueue& budgets, WorkQueue& namespaces) {
    queue_ = &budgets;
    rounds_ = &namespaces;
  }

  void Hear(const Ptr<Pod>& before, const Ptr<Pod>& now) {
    if (before && now && BudgetsCountAlike(*before, *now)) return;
    const Pod& pod = now ? *now : *before;
    const std::vector<ObjectKey> keys = WakeFor(pod.metadata.namespace_, pod.metadata.labels);
    if (keys.size() > 1) {  // Of which the eviction subresource takes none.
      events_.Warning(pod, "MultiplePodDisruptionBudgets",
                      fmt::format("Pod \"{}\"/\"{}\" matches multiple PodDisruptionBudgets.  "
                                  "Chose \"{}\" arbitrarily.",
                                  pod.metadata.namespace_, pod.metadata.name, keys[0].name));
    }
    if (before && now && before->metadata.labels != now->metadata.labels) {
      WakeFor(before->metadata.namespace_, before->metadata.labels);
    }
  }
  // Returns those that are woken at once.
  std::vector<ObjectKey> WakeFor(const std::string& namespace_, const BudgetIndex::Labels& labels) {
    const BudgetIndex::Selecting selecting = index_->Find(namespace_, labels);
    for (const ObjectKey& key : selecting.keys) queue_->Add(key);
    if (selecting.left_out_of > 0) {
      rounds_->AddAfter({"", namespace_}, kBetween * static_cast<int>(selecting.left_out_of));
    }
    return selecting.keys;
  }
  // One after the other; the next round comes when they are through.
  void Round(const std::string& namespace_) {
    Duration wait{};
    for (const auto& budget : budgets_.ListIn(namespace_)) {
      queue_->AddAfter(KeyOf(*budget), wait += kBetween);
    }
  }

 private:
  static constexpr Duration kBetween = 25ms;
  const Informer<PodDisruptionBudget> budgets_;
  const std::shared_ptr<BudgetIndex> index_;
  EventRecorder& events_;
  WorkQueue* queue_ = nullptr;
  WorkQueue* rounds_ = nullptr;
};

// Rounds over the budgets of a namespace, which need not be known yet, nor any more.
class BudgetRounds final : public Reconciler<core_v1::Namespace> {
 public:
  explicit BudgetRounds(std::shared_ptr<BudgetAlarm> alarm) : alarm_(std::move(alarm)) {}
  Result<Requeue> Reconcile(const core_v1::Namespace& namespace_) override {
    alarm_->Round(namespace_.metadata.name);
    return Requeue::None();
  }
  void Forget(const ObjectKey& key) override { alarm_->Round(key.name); }

 private:
  const std::shared_ptr<BudgetAlarm> alarm_;
};

// A set of pods wakes the budgets of those that it makes.
template <typename Set>
auto BudgetsOfSet(const std::shared_ptr<BudgetAlarm>& alarm) {
  return [alarm](const Set& set) {
    alarm->WakeFor(set.metadata.namespace_, set.spec.template_.metadata.labels);
    return std::vector<ObjectKey>();
  };
}

}  // namespace

void AddDisruptionController(Manager& manager) {
  const auto alarm = std::make_shared<BudgetAlarm>(manager);
  WorkQueue& budgets =
      ControllerBuilder<PodDisruptionBudget>(manager, "disruption")
          .Watches<Pod>([](const Pod&) { return std::vector<ObjectKey>(); })
          // Who scales pods is looked up among these.
          .Watches<apps_v1::ReplicaSet>(BudgetsOfSet<apps_v1::ReplicaSet>(alarm), ScaleSetAlike)
          .Watches<apps_v1::Deployment>(BudgetsOfSet<apps_v1::Deployment>(alarm),
                                        ScaleAlike<apps_v1::Deployment>)
          .Watches<apps_v1::StatefulSet>(BudgetsOfSet<apps_v1::StatefulSet>(alarm),
                                         ScaleAlike<apps_v1::StatefulSet>)
          .Watches<core_v1::ReplicationController>(
              [alarm](const core_v1::ReplicationController& set) {
                if (const auto& made = set.spec.template_) {
                  alarm->WakeFor(set.metadata.namespace_, made->metadata.labels);
                }
                return std::vector<ObjectKey>();
              },
              ScaleAlike<core_v1::ReplicationController>)
          .Workers(1)
          .Complete(std::make_unique<BudgetReconciler>(manager));
  WorkQueue& rounds = ControllerBuilder<core_v1::Namespace>(manager, "disruption")
                          .Only([](const core_v1::Namespace&) { return false; })
                          .Workers(1)
                          .Complete(std::make_unique<BudgetRounds>(alarm));
  alarm->Ring(budgets, rounds);
  manager.informer<Pod>().OnChange(
      [alarm](const Ptr<Pod>& before, const Ptr<Pod>& now) { alarm->Hear(before, now); });
  ControllerBuilder<Pod>(manager, "disruption")
      .Only(MayBeStale)
      .Workers(1)
      .Complete(std::make_unique<StaleDisruptions>(manager));
}

}  // namespace skiff
