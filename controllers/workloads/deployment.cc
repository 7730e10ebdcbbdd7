// Deployment: one ReplicaSet for each template it ever had; rolls from the old ones to the present
// one within its bounds. The decisions are in rollout.cc and deployment_status.cc.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/rules/workloads/rollback.h"
#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/program.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/deployment_annotations.h"
#include "controllers/workloads/deployment_status.h"
#include "controllers/workloads/pod_control.h"
#include "controllers/workloads/rollout.h"

namespace skiff {
namespace {

using apps_v1::Deployment;
using apps_v1::ReplicaSet;
using core_v1::Pod;

// What one Reconcile works with. `now` is the deployment as it is to be stored; status and the
// revision annotation change here and are written once, at the end.
struct Work {
  const Deployment& stored;
  Deployment now;
  rollout::Split sets;
};

class DeploymentReconciler final : public Reconciler<Deployment> {
 public:
  explicit DeploymentReconciler(Manager& manager)
      : client_(manager.client()),
        clock_(manager.clock()),
        deployments_(manager.informer<Deployment>()),
        sets_(manager.informer<ReplicaSet>()),
        pods_(manager.informer<Pod>()),
        events_(manager.Recorder("deployment-controller")) {}

  Result<Requeue> Reconcile(const Deployment& deployment) override {
    if (!deployment.spec.selector) return Requeue::None();
    const auto selector = TRY(LabelSelector::From(*deployment.spec.selector));
    if (selector.empty()) return SelectsAll(deployment);
    auto claimed = TRY(ClaimObjects(client_, deployment, selector, sets_));
    // Their events wake the Deployment once the cache shows what was written into them.
    const bool are_newest = std::ranges::all_of(claimed, [&](const auto& set) {
      if (!sets_.ShowsWritesOf(*set)) return false;
      // It may show them only since this one was taken.
      const auto cached = sets_.Get(KeyOf(*set));
      return !cached || WrittenRevision(cached->metadata) <= WrittenRevision(set->metadata);
    });
    if (!are_newest) return Requeue::None();
    Work work{deployment, deployment, rollout::SplitSets(deployment, std::move(claimed))};
    if (deployment.metadata.deletion_timestamp) return Finish(work, /*rolling=*/false);
    SetPauseConditions(work);
    if (deployment.spec.paused) {
      TRY(UpdateCurrent(work));
      TRY(ScaleAll(work));
      TRY(CleanUp(work));
      return Finish(work, /*rolling=*/false);
    }
    if (deployment.metadata.annotations.contains(std::string(kRollbackTo))) return RollBack(work);
    TRY(UpdateCurrent(work));
    if (rollout::NeedsScaling(deployment, work.sets.all)) {
      TRY(ScaleAll(work));
      return Finish(work, /*rolling=*/false);
    }
    return rollout::IsRolling(deployment) ? Roll(work) : Recreate(work);
  }

 private:
  Result<Requeue> SelectsAll(const Deployment& deployment) {
    events_.Warning(deployment, "SelectingAll",
                    "This deployment is selecting all pods. A non-empty selector is required.");
    TRY(client_.PatchStatus(deployment,
                            [](Deployment& it) {
                              auto& observed = it.status.observed_generation;
                              observed = std::max(observed, it.metadata.generation);
                            },
                            {.if_unchanged = true}));
    return Requeue::None();
  }

  void SetPauseConditions(Work& work) {
    if (!HasDeadline(work.now)) return;
    const auto* progressing = FindCondition(work.now.status, "Progressing");
    if (progressing && progressing->reason == "ProgressDeadlineExceeded") return;
    const bool said = progressing && progressing->reason == "DeploymentPaused";
    if (work.now.spec.paused && !said) {
      SetCondition(work.now.status, "Progressing", "Unknown", "DeploymentPaused",
                   "Deployment is paused", clock_.Now());
    } else if (!work.now.spec.paused && said) {
      SetCondition(work.now.status, "Progressing", "Unknown", "DeploymentResumed",
                   "Deployment is resumed", clock_.Now());
    }
  }

  // Brings annotations and revision of the present set up to date, and tells the deployment.
  Result<> UpdateCurrent(Work& work) {
    if (!work.sets.current) return {};
    ReplicaSet wanted = *work.sets.current;
    CopyAnnotations(work.now.metadata, wanted.metadata);
    RaiseRevision(wanted.metadata, rollout::NextRevision(work.sets.old));
    wanted.spec.min_ready_seconds = work.now.spec.min_ready_seconds;
    if (!(wanted == *work.sets.current)) {
      const auto updated = TRY(client_.Update(wanted));
      sets_.Wrote(*updated);
      Replace(work, work.sets.current, updated);
    }
    TakeRevision(work);
    if (HasDeadline(work.now) && !FindCondition(work.now.status, "Progressing")) {
      SetCondition(work.now.status, "Progressing", "True", "FoundNewReplicaSet",
                   fmt::format("Found new replica set \"{}\"", work.sets.current->metadata.name),
                   clock_.Now());
    }
    return {};
  }

  // The deployment says which revision its present set is.
  static void TakeRevision(Work& work) {
    const auto& annotations = work.sets.current->metadata.annotations;
    const auto revision = annotations.find(std::string(kRevision));
    if (revision == annotations.end()) return;
    work.now.metadata.annotations[std::string(kRevision)] = revision->second;
  }

  Result<> CreateCurrent(Work& work) {
    ReplicaSet set = rollout::NewReplicaSet(work.now, work.sets);
    const int size = rollout::ReplicasOf(set);
    CopyAnnotations(work.now.metadata, set.metadata);
    RaiseRevision(set.metadata, rollout::NextRevision(work.sets.old));
    SetReplicasAnnotations(set, rollout::ReplicasOf(work.now), rollout::MaxSize(work.now));
    auto created = client_.Create(set);
    if (!created && created.error().reason == Reason::kAlreadyExists) {
      created = TakeExisting(work, set);
    } else if (created && size > 0) {
      events_.Normal(work.stored, "ScalingReplicaSet",
                     fmt::format("Scaled up replica set {} from 0 to {}", set.metadata.name, size));
    }
    if (!created) return CreateFailed(work, set, created.error());
    work.sets.current = *created;
    work.sets.all.push_back(*created);
    TakeRevision(work);
    if (HasDeadline(work.now)) {
      SetCondition(work.now.status, "Progressing", "True", "NewReplicaSetCreated",
                   fmt::format("Created new replica set \"{}\"", set.metadata.name), clock_.Now());
    }
    return {};
  }

  // A set of that name is there: ours, which the cache does not show yet, or another template's.
  Result<Ptr<ReplicaSet>> TakeExisting(Work& work, const ReplicaSet& wanted) {
    const auto existing = TRY(client_.Get<ReplicaSet>(KeyOf(wanted)));
    const meta_v1::OwnerReference* owner = ControllerOf(existing->metadata);
    if (owner && owner->uid == work.stored.metadata.uid &&
        rollout::SameTemplate(existing->spec.template_, wanted.spec.template_) &&
        existing->metadata.annotations.contains(std::string(kRevision))) {
      return existing;
    }
    // The next try takes another hash.
    TRY(client_.PatchStatus(work.stored,
                            [](Deployment& it) {
                              auto& count = it.status.collision_count;
                              count = count.value_or(0) + 1;
                            },
                            {.if_unchanged = true}));
    return Fail(Reason::kAlreadyExists,
                fmt::format("replicasets.apps \"{}\" already exists", wanted.metadata.name));
  }

  Result<> CreateFailed(Work& work, const ReplicaSet& set, const Error& error) {
    if (error.reason == Reason::kAlreadyExists || IsNamespaceTerminating(error)) return Fail(error);
    const std::string message = fmt::format("Failed to create new replica set \"{}\": {}",
                                            set.metadata.name, error.message);
    events_.Warning(work.stored, "ReplicaSetCreateError", message);
    if (HasDeadline(work.now)) {
      TRY(client_.PatchStatus(work.stored,
                              [&](Deployment& it) {
                                SetCondition(it.status, "Progressing", "False",
                                             "ReplicaSetCreateError", message, clock_.Now());
                              },
                              {.if_unchanged = true}));
    }
    return Fail(error);
  }

  // Sets the size of one set; true when it changed.
  Result<bool> Apply(Work& work, const rollout::Resize& resize) {
    ReplicaSet wanted = *resize.set;
    wanted.spec.replicas = resize.replicas;
    SetReplicasAnnotations(wanted, rollout::ReplicasOf(work.now), rollout::MaxSize(work.now));
    if (wanted == *resize.set) return false;
    const int before = rollout::ReplicasOf(*resize.set);
    const auto updated = TRY(client_.Update(wanted));
    sets_.Wrote(*updated);
    Replace(work, resize.set, updated);
    if (before == resize.replicas) return false;
    events_.Normal(work.stored, "ScalingReplicaSet",
                   fmt::format("Scaled {} replica set {} from {} to {}",
                               before < resize.replicas ? "up" : "down", wanted.metadata.name,
                               before, resize.replicas));
    return true;
  }

  Result<> ScaleAll(Work& work) {
    for (const auto& resize : rollout::Scale(work.now, work.sets)) TRY(Apply(work, resize));
    return {};
  }

  Result<Requeue> Roll(Work& work) {
    if (!work.sets.current) TRY(CreateCurrent(work));
    const auto& current = work.sets.current;
    const int size = rollout::CurrentSize(work.now, rollout::TotalSpec(work.sets.all),
                                          rollout::ReplicasOf(*current));
    if (size != rollout::ReplicasOf(*current)) {
      TRY(Apply(work, {current, size}));
      return Finish(work, /*rolling=*/true);
    }
    const auto shrinks = rollout::ShrinkOld(work.now, work.sets);
    for (const auto& resize : shrinks) TRY(Apply(work, resize));
    if (shrinks.empty() && IsComplete(work.now, work.now.status)) TRY(CleanUp(work));
    return Finish(work, /*rolling=*/true);
  }

  Result<Requeue> Recreate(Work& work) {
    bool shrunk = false;
    for (const auto& set : rollout::Sets(work.sets.old)) {
      if (rollout::ReplicasOf(*set) == 0) continue;
      const bool changed = TRY(Apply(work, {set, 0}));
      shrunk |= changed;
    }
    if (shrunk || OldPodsRun(work)) return Finish(work, /*rolling=*/true);
    if (!work.sets.current) TRY(CreateCurrent(work));
    TRY(Apply(work, {work.sets.current, rollout::ReplicasOf(work.now)}));
    if (IsComplete(work.now, work.now.status)) TRY(CleanUp(work));
    return Finish(work, /*rolling=*/true);
  }

  bool OldPodsRun(const Work& work) const {
    return std::any_of(work.sets.old.begin(), work.sets.old.end(), [&](const auto& set) {
      if (set->status.replicas > 0) return true;
      const auto pods = pods_.ControlledBy(set->metadata);
      return std::any_of(pods.begin(), pods.end(),
                         [](const auto& pod) { return !IsTerminal(*pod); });
    });
  }

  Result<> CleanUp(Work& work) {
    for (const auto& set : rollout::Outdated(work.now, work.sets)) {
      const auto deleted = client_.Delete(*set);
      if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    }
    return {};
  }

  // The old API's rollback: back to the template of a revision, 0 meaning the one before.
  Result<Requeue> RollBack(Work& work) {
    const std::string& text = work.now.metadata.annotations.at(std::string(kRollbackTo));
    int64_t revision = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
    const bool readable = error == std::errc() && end == text.data() + text.size();
    Ptr<ReplicaSet> target;
    auto sets = work.sets.all;
    std::sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
      return RevisionOf(a->metadata) > RevisionOf(b->metadata);
    });
    if (readable && revision == 0 && sets.size() > 1) target = sets[1];
    for (const auto& set : sets) {
      if (readable && revision > 0 && RevisionOf(set->metadata) == revision) target = set;
    }
    Deployment wanted = work.stored;
    wanted.metadata.annotations.erase(std::string(kRollbackTo));
    if (!target) {
      events_.Warning(work.stored, "DeploymentRollbackRevisionNotFound",
                      revision == 0 ? "Unable to find last revision."
                                    : "Unable to find the revision to rollback to.");
    } else if (target == work.sets.current) {
      events_.Warning(work.stored, "DeploymentRollbackTemplateUnchanged",
                      fmt::format("The rollback revision contains the same template as current "
                                  "deployment \"{}\"",
                                  work.stored.metadata.name));
    } else {
      wanted.spec.template_ = target->spec.template_;
      wanted.spec.template_.metadata.labels.erase(std::string(kTemplateHash));
      CopyAnnotations(target->metadata, wanted.metadata);
      events_.Normal(work.stored, "DeploymentRollback",
                     fmt::format("Rolled back deployment \"{}\" to revision {}",
                                 work.stored.metadata.name, RevisionOf(target->metadata)));
    }
    TRY(client_.Update(wanted));
    return Requeue::None();
  }

  // Puts the server's newer copy of a set in the place of `before`. Which one is present was said
  // when the round began: a webhook may have given this one another template.
  static void Replace(Work& work, Ptr<ReplicaSet> before, const Ptr<ReplicaSet>& after) {
    std::replace(work.sets.old.begin(), work.sets.old.end(), before, after);
    std::replace(work.sets.all.begin(), work.sets.all.end(), before, after);
    if (work.sets.current == before) work.sets.current = after;
  }

  Result<Requeue> Finish(Work& work, bool rolling) {
    const TimePoint now = clock_.Now();
    work.now.status =
        rolling ? RolloutStatus(work.now, work.sets, now) : CountStatus(work.now, work.sets, now);
    // Over no newer one: what was said of a set that was made would be said anew of one found.
    const auto written = TRY(client_.PatchStatus(work.stored,
                                                 [&](Deployment& it) {
                                                   it.status = work.now.status;
                                                   it.metadata.annotations =
                                                       work.now.metadata.annotations;
                                                 },
                                                 {.if_unchanged = true}));
    deployments_.Wrote(*written);
    if (!rolling) return Requeue::None();
    const Duration until = UntilDeadline(work.now, work.now.status, now);
    return until == kNever ? Requeue::None() : Requeue::After(until);
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Deployment> deployments_;
  const Informer<ReplicaSet> sets_;
  const Informer<Pod> pods_;
  EventRecorder& events_;
};

}  // namespace

void AddDeploymentController(Manager& manager) {
  const auto deployments = manager.informer<Deployment>();
  const auto sets = manager.informer<ReplicaSet>();
  ControllerBuilder<Deployment>(manager, "deployment")
      .Owns<ReplicaSet>()
      .Watches<ReplicaSet>(MayAdopt(deployments))
      // Recreate waits for the last pod of an old set.
      .Watches<Pod>([deployments, sets](const Pod& pod) {
        std::vector<ObjectKey> keys;
        const meta_v1::OwnerReference* owner = ControllerOf(pod.metadata);
        if (!owner || owner->kind != "ReplicaSet") return keys;
        const auto set = sets.Get({pod.metadata.namespace_, owner->name});
        const meta_v1::OwnerReference* deployment = set ? ControllerOf(set->metadata) : nullptr;
        if (!deployment || deployment->kind != "Deployment") return keys;
        const auto cached = deployments.Get({pod.metadata.namespace_, deployment->name});
        if (cached && !rollout::IsRolling(*cached)) keys.push_back(KeyOf(*cached));
        return keys;
      })
      .Workers(5)
      .Retry({.tries_max = 15})
      .Complete(std::make_unique<DeploymentReconciler>(manager));
}

}  // namespace skiff
