// DaemonSet: one pod on every node that its template fits. The decisions are in
// daemon_set_plan.cc.
#include <fmt/format.h>

#include <algorithm>

#include "client/reconciler.h"
#include "controllers/program.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/daemon_set_plan.h"
#include "controllers/workloads/pod_control.h"
#include "controllers/workloads/revision_history.h"
#include "controllers/workloads/rollout.h"

namespace skiff {
namespace {

using apps_v1::ControllerRevision;
using apps_v1::DaemonSet;
using core_v1::Node;
using core_v1::Pod;

constexpr int kPodsAtOnceMax = 250;

class DaemonSetReconciler final : public Reconciler<DaemonSet> {
 public:
  explicit DaemonSetReconciler(Manager& manager)
      : client_(manager.client()),
        clock_(manager.clock()),
        sending_{manager.client(), manager.hands()},
        sets_(manager.informer<DaemonSet>()),
        pods_(manager.informer<Pod>()),
        nodes_(manager.informer<Node>()),
        revisions_(manager.informer<ControllerRevision>()),
        events_(manager.Recorder("daemonset-controller")),
        control_(manager.client(), events_, pods_) {}

  Result<Requeue> Reconcile(const DaemonSet& set) override {
    if (!set.spec.selector || set.metadata.deletion_timestamp) return Requeue::None();
    const auto selector = TRY(LabelSelector::From(*set.spec.selector));
    if (selector.empty()) {
      events_.Warning(set, "SelectingAll",
                      "This daemon set is selecting all pods. A non-empty selector is required.");
      return Requeue::None();
    }
    const auto unseen = control_.memory().Unseen(set.metadata);
    auto mine = TRY(ClaimObjects(client_, set, selector, pods_));
    // Those that were deleted a moment ago are not gone yet: nobody takes their places.
    const size_t leaving_unseen = std::erase_if(mine, [&](const auto& pod) {
      return !pod->metadata.deletion_timestamp && control_.memory().WasDeleted(KeyOf(set), *pod);
    });
    const std::string hash = TRY(KeepHistory(set, mine));
    daemon::RollingInput input{set, hash, nodes_.List(), daemon::ByNode(mine), clock_.Now()};
    const auto daemon_template = daemon::DaemonTemplate(set, hash);
    Result<Duration> done = kNever;
    // What was written a moment ago has to show before more is decided; its events wake us.
    if (unseen.empty() && leaving_unseen == 0) done = Act(set, daemon_template, input);
    const auto written = TRY(client_.PatchStatus(
        set, [&](DaemonSet& it) { it.status = daemon::StatusOf(daemon_template.spec, input); },
        {.if_unchanged = true}));
    sets_.Wrote(*written);
    if (!done) return Fail(done.error());
    const Duration next = std::min(UntilAllAvailable(set, mine), *done);
    return next == kNever ? Requeue::None() : Requeue::After(next);
  }

  void Forget(const ObjectKey& key) override {
    control_.memory().Forget(key);
    const MutexLock lock(mutex_);
    back_offs_.erase(key);
  }

 private:
  // How long until it has to act again though nothing changes.
  Result<Duration> Act(const DaemonSet& set, const core_v1::PodTemplateSpec& daemon_template,
                       const daemon::RollingInput& input) {
    auto plan = Manage(set, daemon_template, input);
    Tell(set, plan);
    if (plan.create.empty() && plan.remove.empty() && set.spec.update_strategy.type != "OnDelete") {
      auto rolling = daemon::RollingUpdate(daemon_template.spec, input);
      plan.remove = std::move(rolling.remove);
      plan.create = std::move(rolling.create);
    }
    const auto owner = ReferenceTo(DaemonSet::Info(), set.metadata);
    const int creates = std::min<int>(kPodsAtOnceMax, static_cast<int>(plan.create.size()));
    const auto created = SlowStart(sending_, creates, [&](int index, Mailbox& answers, Done done) {
      const auto meant = daemon::TemplateFor(daemon_template, plan.create[index]);
      control_.Create(owner,
                      std::make_shared<const Pod>(
                          PodFromTemplate(meant, DaemonSet::Info(), set.metadata)),
                      answers, std::move(done));
    });
    const int removes = std::min<int>(kPodsAtOnceMax, static_cast<int>(plan.remove.size()));
    TRY(AllAtOnce(sending_, removes, [&](int index, Mailbox& answers, Done done) {
      control_.Delete(owner, *plan.remove[index], answers, std::move(done));
    }));
    if (!created) return Fail(created.error());
    return plan.again;
  }

  daemon::Plan Manage(const DaemonSet& set, const core_v1::PodTemplateSpec& daemon_template,
                      const daemon::RollingInput& input) {
    const MutexLock lock(mutex_);
    BackOff& back_off = back_offs_[KeyOf(set)];
    // A new template may well run where the old one failed.
    if (back_off.uid != set.metadata.uid ||
        back_off.observed_generation != set.status.observed_generation) {
      back_off = {set.metadata.uid, set.status.observed_generation, {}};
    }
    back_off.nodes.DropExpired(clock_.Monotonic());
    return daemon::Manage(daemon_template.spec, input, back_off.nodes, clock_.Monotonic());
  }

  void Tell(const DaemonSet& set, const daemon::Plan& plan) {
    for (const auto& pod : plan.failed) {
      events_.Warning(set, "FailedDaemonPod",
                      fmt::format("Found failed daemon pod {} on node {}, will try to kill it",
                                  KeyOf(*pod), daemon::NodeOf(*pod)));
    }
    for (const auto& pod : plan.succeeded) {
      events_.Normal(set, "SucceededDaemonPod",
                     fmt::format("Found succeeded daemon pod {} on node {}, will try to delete it",
                                 KeyOf(*pod), daemon::NodeOf(*pod)));
    }
  }

  // The present template as a ControllerRevision, the newest one; old ones beyond the limit go. The
  // hash that pods of it have is the one that the revision has: it may be of another controller, or
  // of before another template had the same.
  Result<std::string> KeepHistory(const DaemonSet& set, daemon::Pods& pods) {
    const auto selector = TRY(LabelSelector::From(*set.spec.selector));
    const Revisions all = TRY(ClaimObjects(client_, set, selector, revisions_));
    const Json data = TemplatePatch(set.spec.template_);
    const Revisions equal = EqualRevisions(all, data);
    const auto current = NewestRevision(equal);
    if (current) TRY(MergeInto(*current, equal, pods));
    const int64_t next = NextRevision(all);
    std::vector<std::string> in_use;
    for (const auto& pod : pods) {
      const auto label = pod->metadata.labels.find(std::string(daemon::kRevisionHash));
      if (label != pod->metadata.labels.end()) {
        in_use.push_back(set.metadata.name + "-" + label->second);
      }
    }
    const std::string hash =
        current ? HashOf(*current)
                : rollout::TemplateHash(set.spec.template_, set.status.collision_count);
    if (!current) {
      TRY(CreateRevision(set, hash, data, next));
    } else if (current->revision != next - 1) {
      TRY(client_.Patch(*current, [&](ControllerRevision& it) { it.revision = next; },
                        {.if_unchanged = true}));
    }
    const int32_t limit = set.spec.revision_history_limit.value_or(10);
    const std::string name = current ? current->metadata.name : set.metadata.name + "-" + hash;
    for (const auto& outdated : OutdatedRevisions(all, name, in_use, limit)) {
      const auto deleted = client_.Delete(*outdated);
      if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    }
    return hash;
  }

  // Of several revisions that hold the present template one stays: pods of the others are its own
  // from now on.
  Result<> MergeInto(const ControllerRevision& kept, const Revisions& equal, daemon::Pods& pods) {
    const std::string label(daemon::kRevisionHash);
    for (const auto& revision : equal) {
      if (revision->metadata.name == kept.metadata.name) continue;
      for (auto& pod : pods) {
        const auto said = pod->metadata.labels.find(label);
        if (said == pod->metadata.labels.end() || said->second != HashOf(*revision)) continue;
        pod = TRY(client_.Patch(*pod, [&](Pod& it) { it.metadata.labels[label] = HashOf(kept); }));
      }
      const auto deleted = client_.Delete(*revision);
      if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    }
    return {};
  }

  static std::string HashOf(const ControllerRevision& revision) {
    const auto label = revision.metadata.labels.find(std::string(daemon::kRevisionHash));
    return label == revision.metadata.labels.end() ? revision.metadata.name : label->second;
  }

  Result<> CreateRevision(const DaemonSet& set, const std::string& hash, const Json& data,
                          int64_t number) {
    ControllerRevision revision;
    revision.metadata.name = set.metadata.name + "-" + hash;
    revision.metadata.labels = set.spec.template_.metadata.labels;
    revision.metadata.labels[std::string(daemon::kRevisionHash)] = hash;
    revision.metadata.annotations = set.metadata.annotations;
    revision.data = data;
    revision.revision = number;
    const auto created = client_.CreateOwned(set, revision);
    if (created) return {};
    if (created.error().reason != Reason::kAlreadyExists) return Fail(created.error());
    revision.metadata.namespace_ = set.metadata.namespace_;
    const auto existing = TRY(client_.Get<ControllerRevision>(KeyOf(revision)));
    if (existing->data.Parse() == data) return {};
    // Another template has this hash: the next try takes another one.
    TRY(client_.PatchStatus(set,
                            [](DaemonSet& it) {
                              auto& count = it.status.collision_count;
                              count = count.value_or(0) + 1;
                            },
                            {.if_unchanged = true}));
    return Fail(created.error());
  }

  Duration UntilAllAvailable(const DaemonSet& set, const daemon::Pods& pods) const {
    Duration next = kNever;
    for (const auto& pod : pods) {
      const Duration until = UntilAvailable(*pod, set.spec.min_ready_seconds, clock_.Now());
      if (until > Duration(0)) next = std::min(next, until);
    }
    return next;
  }

  struct BackOff {
    std::string uid;
    int64_t observed_generation = 0;
    daemon::FailedPodsBackOff nodes;
  };

  Client& client_;
  const Clock& clock_;
  const Sending sending_;
  const Informer<DaemonSet> sets_;
  const Informer<Pod> pods_;
  const Informer<Node> nodes_;
  const Informer<ControllerRevision> revisions_;
  EventRecorder& events_;
  PodControl control_;
  Mutex mutex_;
  std::map<ObjectKey, BackOff> back_offs_ GUARDED_BY(mutex_);
};

}  // namespace

void AddDaemonSetController(Manager& manager) {
  const auto sets = manager.informer<DaemonSet>();
  const auto all_sets = [sets] {
    std::vector<ObjectKey> keys;
    for (const auto& set : sets.List()) keys.push_back(KeyOf(*set));
    return keys;
  };
  ControllerBuilder<DaemonSet>(manager, "daemonset")
      .Owns<Pod>()
      .Owns<ControllerRevision>()
      .Watches<Node>([all_sets](const Node&) { return all_sets(); }, daemon::DecidedAlike)
      .Watches<Pod>(MayAdopt(sets))
      .Complete(std::make_unique<DaemonSetReconciler>(manager));
}

}  // namespace skiff
