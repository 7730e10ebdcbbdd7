// StatefulSet: pods with names of their own, made and deleted in order, each with its claims. The
// decisions are in stateful_set_plan.cc.
#include <fmt/format.h>

#include <algorithm>

#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/program.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/claim_owners.h"
#include "controllers/workloads/pod_control.h"
#include "controllers/workloads/revision_history.h"
#include "controllers/workloads/rollout.h"
#include "controllers/workloads/stateful_set_plan.h"

namespace skiff {
namespace {

using apps_v1::ControllerRevision;
using apps_v1::StatefulSet;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;

constexpr size_t kRevisionNameMax = 223;
constexpr std::string_view kHashLabel = "controller.kubernetes.io/hash";

class StatefulSetReconciler final : public Reconciler<StatefulSet> {
 public:
  StatefulSetReconciler(Manager& manager, bool uses_max_unavailable)
      : uses_max_unavailable_(uses_max_unavailable),
        client_(manager.client()),
        clock_(manager.clock()),
        hands_(manager.hands()),
        sets_(manager.informer<StatefulSet>()),
        pods_(manager.informer<Pod>()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        revisions_(manager.informer<ControllerRevision>()),
        events_(manager.Recorder("statefulset-controller")),
        memory_(pods_) {}

  Result<Requeue> Reconcile(const StatefulSet& set) override {
    if (!set.spec.selector) return Requeue::None();
    const auto selector = TRY(LabelSelector::From(*set.spec.selector));
    const auto unseen = memory_.Unseen(set.metadata);
    auto mine = TRY(ClaimObjects<StatefulSet, Pod>(
        client_, set, selector, pods_,
        [&](const Pod& pod) { return stateful::OrdinalOf(set, pod.metadata.name).has_value(); }));
    const Used used = TRY(KeepHistory(set, selector, mine));
    const stateful::Input input{
        set,          std::move(mine),      used.current->metadata.name, used.update->metadata.name,
        clock_.Now(), uses_max_unavailable_};
    Result<> done;
    // What was written a moment ago has to show before more is decided; its events wake us.
    const bool shows = unseen.empty() && std::none_of(input.pods.begin(), input.pods.end(),
                                                      [&](const auto& pod) {
                                                        return IsLeavingUnseen(set, *pod);
                                                      });
    if (shows && !set.metadata.deletion_timestamp) done = Act(input, used);
    const auto written = TRY(
        client_.PatchStatus(set, [&](StatefulSet& it) { it.status = stateful::StatusOf(input); },
                            {.if_unchanged = true}));
    sets_.Wrote(*written);
    if (!done) return Fail(done.error());
    return UntilAllAvailable(input);
  }

  void Forget(const ObjectKey& key) override { memory_.Forget(key); }

 private:
  struct Used {
    Ptr<ControllerRevision> current;
    Ptr<ControllerRevision> update;
  };

  bool IsLeavingUnseen(const StatefulSet& set, const Pod& pod) const {
    return !pod.metadata.deletion_timestamp && memory_.WasDeleted(KeyOf(set), pod);
  }

  Result<> Act(const stateful::Input& input, const Used& used) {
    const StatefulSet& set = input.set;
    const auto plan = stateful::PlanOf(input);
    for (const auto& pod : plan.check_claims) {
      TRY(MakeClaims(set, OrdinalOf(set, *pod), pod.get()));
      // In parallel these are among those that are kept.
      if (set.spec.pod_management_policy != "Parallel") TRY(KeepOwners(set, *pod));
    }
    for (const auto& pod : plan.keep) TRY(KeepMember(set, *pod));
    for (const auto& pod : input.pods) {
      if (!stateful::IsWanted(set, OrdinalOf(set, *pod))) TRY(KeepOwners(set, *pod));
    }
    TRY(SlowStart({client_, hands_}, static_cast<int>(plan.create.size()),
                  [&](int index, Mailbox& answers, Done done) {
                    CreatePod(set, used, plan.create[index], answers, std::move(done));
                  }));
    for (const auto& pod : plan.remove) TRY(DeletePod(set, *pod));
    return {};
  }

  static int OrdinalOf(const StatefulSet& set, const Pod& pod) {
    return stateful::OrdinalOf(set, pod.metadata.name).value_or(0);
  }

  void CreatePod(const StatefulSet& set, const Used& used, int ordinal, Mailbox& answers,
                 Done done) {
    const auto pod = PodToCreate(set, used, ordinal);
    if (!pod) return done(Fail(pod.error()));
    if (*pod == nullptr) return done({});
    client_.CreateLater<Pod>(answers, *pod,
                             [this, &set, name = (*pod)->metadata.name,
                              done = std::move(done)](const Result<Ptr<Pod>>& created) {
                               done(Created(set, name, created));
                             });
  }

  // Its claims are there. nullptr: it has to wait.
  Result<Ptr<Pod>> PodToCreate(const StatefulSet& set, const Used& used, int ordinal) {
    for (const auto& wanted : stateful::ClaimsOf(set, ordinal)) {
      const auto claim = claims_.Get(KeyOf(wanted));
      // It goes with the pod that had this name before, and wakes the set when it is gone.
      if (claim && stateful::IsStale(set, *claim, nullptr)) return nullptr;
    }
    const bool of_current = stateful::IsMadeOfCurrent(set, ordinal);
    const ControllerRevision& revision = of_current ? *used.current : *used.update;
    const auto pod_template = TRY(TemplateOf(revision));
    if (const auto made = MakeClaims(set, ordinal, nullptr); !made) {
      Tell(set, "Create", stateful::NameOf(set, ordinal), &made.error());
      return Fail(made.error());
    }
    return std::make_shared<const Pod>(
        stateful::NewPod(set, pod_template, revision.metadata.name, ordinal));
  }

  Result<> Created(const StatefulSet& set, const std::string& name,
                   const Result<Ptr<Pod>>& created) {
    if (created) {
      memory_.Created(KeyOf(set), **created);
    } else if (created.error().reason == Reason::kAlreadyExists ||
               IsNamespaceTerminating(created.error())) {
      return Fail(created.error());
    }
    Tell(set, "Create", name, created ? nullptr : &created.error());
    if (!created) return Fail(created.error());
    return {};
  }

  Result<> DeletePod(const StatefulSet& set, const Pod& pod) {
    const auto deleted = client_.Delete(pod);
    if (!deleted && deleted.error().reason == Reason::kNotFound) return {};
    if (deleted) memory_.Deleted(KeyOf(set), pod);
    Tell(set, "Delete", pod.metadata.name, deleted ? nullptr : &deleted.error());
    if (!deleted) return Fail(deleted.error());
    return {};
  }

  // The claims that a member lacks: each is tried, whatever became of the others.
  Result<> MakeClaims(const StatefulSet& set, int ordinal, const Pod* pod) {
    Reason reason = Reason::kUnknown;
    std::vector<std::string> messages;
    for (auto& claim : stateful::ClaimsOf(set, ordinal)) {
      const auto made = MakeClaim(set, ordinal, pod, claim);
      if (made) continue;
      if (messages.empty()) reason = made.error().reason;
      messages.push_back(made.error().message);
    }
    if (messages.empty()) return {};
    if (messages.size() == 1) return Fail(reason, messages[0]);
    return Fail(reason, fmt::format("[{}]", fmt::join(messages, ", ")));
  }

  // One that is being deleted has to be gone before.
  Result<> MakeClaim(const StatefulSet& set, int ordinal, const Pod* pod,
                     PersistentVolumeClaim& claim) {
    const std::string& name = claim.metadata.name;
    const auto found = claims_.Get(KeyOf(claim));
    if (found && found->metadata.deletion_timestamp) {
      return Fail(Reason::kConflict, fmt::format("pvc {} is being deleted", name));
    }
    if (found) return {};
    stateful::SetOwners(set, {.pod = pod}, claim);
    const auto created = client_.Create(claim);
    if (!created && created.error().reason == Reason::kAlreadyExists) return {};
    const std::string member = stateful::NameOf(set, ordinal);
    if (!created) {
      events_.Warning(set, "FailedCreate",
                      fmt::format("Create Claim {} for Pod {} in StatefulSet {} failed error: {}",
                                  name, member, set.metadata.name, created.error().message));
      return Fail(created.error().reason,
                  fmt::format("failed to create PVC {}: {}", name, created.error().message));
    }
    events_.Normal(set, "SuccessfulCreate",
                   fmt::format("Create Claim {} Pod {} in StatefulSet {} success", name, member,
                               set.metadata.name));
    return {};
  }

  // A member's labels and claims.
  Result<> KeepMember(const StatefulSet& set, const Pod& pod) {
    bool changed = TRY(KeepOwners(set, pod));
    if (!stateful::HasIdentity(set, pod)) {
      const auto written = client_.Patch(
          pod, [&](Pod& it) { stateful::SetIdentity(set, OrdinalOf(set, pod), it); });
      if (!written) Tell(set, "Update", pod.metadata.name, &written.error());
      if (!written) return Fail(written.error());
      changed = true;
    }
    if (changed) Tell(set, "Update", pod.metadata.name, nullptr);
    return {};
  }

  // Brings the owners of a member's claims in line with the retention policy. Whether that took a
  // write.
  Result<bool> KeepOwners(const StatefulSet& set, const Pod& pod) {
    if (set.spec.volume_claim_templates.empty()) return false;
    const int ordinal = OrdinalOf(set, pod);
    const stateful::ClaimHolder holder{&pod, !stateful::IsWanted(set, ordinal)};
    bool changed = false;
    for (const auto& named : stateful::ClaimsOf(set, ordinal)) {
      const auto claim = claims_.Get(KeyOf(named));
      if (!claim) continue;
      PersistentVolumeClaim wanted = *claim;
      if (!stateful::SetOwners(set, holder, wanted)) continue;
      if (stateful::HasOtherController(set, holder, *claim)) {
        events_.Warning(
            set, "ConflictingController",
            fmt::format("PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a "
                        "manging controller, the retention policy is ignored for this claim",
                        claim->metadata.name));
      }
      const auto kept = client_.Patch(
          *claim, [&](PersistentVolumeClaim& it) { it = wanted; },
          {.if_unchanged = true});
      if (!kept && kept.error().reason == Reason::kNotFound) continue;
      if (!kept) return CannotKeep(set, pod, claim->metadata.name, kept.error());
      changed = true;
    }
    return changed;
  }

  // That the claim was written meanwhile is nothing to tell: it is tried again.
  Result<bool> CannotKeep(const StatefulSet& set, const Pod& pod, const std::string& claim,
                          const Error& error) {
    if (error.reason != Reason::kConflict) {
      const Error told{error.reason,
                       fmt::format("could not update claim {} for delete policy ownerRefs: {}",
                                   claim, error.message)};
      Tell(set, "Update", pod.metadata.name, &told);
    }
    return Fail(error);
  }

  void Tell(const StatefulSet& set, std::string_view verb, const std::string& pod,
            const Error* error) {
    const std::string what =
        fmt::format("{} Pod {} in StatefulSet {}", verb, pod, set.metadata.name);
    if (error == nullptr) {
      events_.Normal(set, fmt::format("Successful{}", verb), what + " successful");
    } else {
      events_.Warning(set, fmt::format("Failed{}", verb),
                      fmt::format("{} failed error: {}", what, error->message));
    }
  }

  // The revision that the set is updated to, which is that of its template, and the one it is
  // updated from. Old ones beyond the limit go.
  Result<Used> KeepHistory(const StatefulSet& set, const LabelSelector& selector,
                           const stateful::Pods& pods) {
    const Revisions all = TRY(ClaimObjects(client_, set, selector, revisions_));
    const Json data = TemplatePatch(set.spec.template_);
    const int64_t next = NextRevision(all);
    Used used;
    used.update = FindRevision(all, data);
    if (!used.update) used.update = FindRevisionByMeaning(all, set.spec.template_);
    if (!used.update) {
      used.update = TRY(CreateRevision(set, data, next));
    } else if (used.update->revision != next - 1) {
      used.update = TRY(client_.Patch(
          *used.update, [&](ControllerRevision& it) { it.revision = next; },
          {.if_unchanged = true}));
    }
    used.current = used.update;
    for (const auto& revision : all) {
      if (revision->metadata.name == set.status.current_revision) used.current = revision;
    }
    std::vector<std::string> in_use = {used.current->metadata.name, used.update->metadata.name};
    for (const auto& pod : pods) in_use.push_back(stateful::RevisionOf(*pod));
    const int32_t limit = set.spec.revision_history_limit.value_or(10);
    for (const auto& outdated : OutdatedRevisions(all, in_use, limit)) {
      const auto deleted = client_.Delete(*outdated);
      if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    }
    return used;
  }

  Result<Ptr<ControllerRevision>> CreateRevision(const StatefulSet& set, const Json& data,
                                                 int64_t number) {
    const std::string hash =
        rollout::TemplateHash(set.spec.template_, set.status.collision_count.value_or(0));
    ControllerRevision revision;
    revision.metadata.name = set.metadata.name.substr(0, kRevisionNameMax) + "-" + hash;
    revision.metadata.labels = set.spec.template_.metadata.labels;
    revision.metadata.labels[std::string(kHashLabel)] = hash;
    revision.metadata.annotations = set.metadata.annotations;
    revision.data = data;
    revision.revision = number;
    auto created = client_.CreateOwned(set, revision);
    if (created || created.error().reason != Reason::kAlreadyExists) return created;
    revision.metadata.namespace_ = set.metadata.namespace_;
    auto existing = TRY(client_.Get<ControllerRevision>(KeyOf(revision)));
    if (existing->data.Parse() == data) return existing;
    // Another template has this hash: the next try takes another one.
    TRY(client_.PatchStatus(set,
                            [](StatefulSet& it) {
                              auto& count = it.status.collision_count;
                              count = count.value_or(0) + 1;
                            },
                            {.if_unchanged = true}));
    return Fail(created.error());
  }

  Requeue UntilAllAvailable(const stateful::Input& input) const {
    Duration next = kNever;
    for (const auto& pod : input.pods) {
      const Duration until =
          UntilAvailable(*pod, input.set.spec.min_ready_seconds, clock_.Now());
      if (until > Duration(0)) next = std::min(next, until);
    }
    return next == kNever ? Requeue::None() : Requeue::After(next);
  }

  const bool uses_max_unavailable_;
  Client& client_;
  const Clock& clock_;
  Hands& hands_;
  const Informer<StatefulSet> sets_;
  const Informer<Pod> pods_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<ControllerRevision> revisions_;
  EventRecorder& events_;
  PodMemory memory_;
};

}  // namespace

void AddStatefulSetController(Manager& manager, bool uses_max_unavailable) {
  const auto sets = manager.informer<StatefulSet>();
  ControllerBuilder<StatefulSet>(manager, "statefulset")
      .Owns<Pod>()
      .Owns<ControllerRevision>()
      .Watches<PersistentVolumeClaim>([sets](const PersistentVolumeClaim& claim) {
        std::vector<ObjectKey> keys;
        for (const auto& set : sets.ListIn(claim.metadata.namespace_)) {
          if (stateful::NamesClaim(*set, claim.metadata.name)) keys.push_back(KeyOf(*set));
        }
        return keys;
      })
      .Watches<Pod>(MayAdopt(sets))
      .Workers(5)
      .Complete(std::make_unique<StatefulSetReconciler>(manager, uses_max_unavailable));
}

}  // namespace skiff
