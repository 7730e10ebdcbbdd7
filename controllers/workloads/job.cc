// Job: pods until enough of them have succeeded. What its pods amount to is in job_observation,
// what is to be done about them in job_plan, and how they get into its status in job_tally.
#include <algorithm>
#include <atomic>

#include "base/seconds.h"
#include "client/reconciler.h"
#include "controllers/figures.h"
#include "controllers/program.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/job_figures.h"
#include "controllers/workloads/job_plan.h"
#include "controllers/workloads/job_tally.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using batch_v1::Job;
using core_v1::Pod;

constexpr std::string_view kManagedHere = "kubernetes.io/job-controller";

bool IsManagedHere(const Job& job) {
  return job.spec.managed_by.value_or(std::string(kManagedHere)) == kManagedHere;
}

// By name, so that whoever changes the pod meanwhile is not in the way.
Result<> TakeFinalizerOff(Client& client, const Pod& pod) {
  const Json patch = {
      {"metadata",
       {{"uid", pod.metadata.uid},
        {"$deleteFromPrimitiveList/finalizers", Json::array({std::string(job::kTracking)})}}}};
  const auto done = client.Patch(Pod::Info(), KeyOf(pod), PatchType::kStrategic, patch);
  if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
  return {};
}

class JobReconciler final : public Reconciler<Job> {
 public:
  JobReconciler(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        hands_(manager.hands()),
        pods_(manager.informer<Pod>()),
        events_(manager.Recorder("job-controller")),
        control_(manager.client(), events_, pods_),
        figures_(metrics) {
    if (metrics == nullptr) return;
    pods_.OnChange([this](const auto& before, const auto& now) {
      figures_.PodChanged(before.get(), now.get());
    });
    manager.informer<Job>().OnChange([this](const auto& before, const auto& now) {
      if (!before && now && !IsManagedHere(*now)) figures_.LeftToOther(*now->spec.managed_by);
    });
  }

  Result<Requeue> Reconcile(const Job& job) override {
    if (!IsManagedHere(job)) return Requeue::None();
    // By a status that we have replaced ourselves, pods would be missed or counted twice.
    if (WrittenRevision(job.metadata) < Written(KeyOf(job))) return Requeue::None();
    if (job::IsFinished(job) || !job.spec.selector) return ReleaseAll(job);
    ForgetNamesake(job);
    const Duration begin = clock_.Monotonic();
    Round round{job};
    auto again = Look(job, round);
    figures_.Synced(job,
                    {.action = round.action, .failed = !again, .took = clock_.Monotonic() - begin});
    return again;
  }

  void Forget(const ObjectKey& key) override {
    control_.memory().Forget(key);
    const MutexLock lock(mutex_);
    known_.erase(key);
  }

 private:
  // One look at a job, and what comes of it.
  struct Round {
    explicit Round(const Job& job) : now(job) {}
    Job now;               // With the status as it becomes.
    bool settled = false;  // The cache shows all pods that were made.
    job::Observation observed;
    job::BackOff back_off;
    // As they are once the round has made and deleted pods.
    int active = 0;
    int ready = 0;
    int terminating = 0;
    job::Verdict verdict;
    Duration again = kNever;
    std::string_view action = job::Sync().action;
  };

  Result<Requeue> Look(const Job& job, Round& round) {
    const auto selector = TRY(LabelSelector::From(*job.spec.selector));
    round.settled = control_.memory().Unseen(job.metadata).empty();
    const job::Pods pods =
        TRY(ClaimObjects(client_, job, selector, pods_, {}, std::string(job::kTracking)));
    auto& observed = round.observed = job::Observe(job, pods, DoneTo(job, pods));
    const auto known = KnownBackOff(KeyOf(job));
    observed.seen_ended = SeenEnded(KeyOf(job), observed, known.has_value());
    round.back_off = job::BackOffAfter(known, observed);
    round.active = static_cast<int>(observed.active.size());
    round.ready = observed.ready;
    round.terminating = static_cast<int>(observed.leaving.size());
    auto& status = round.now.status;
    status.uncounted_terminated_pods.Ensure();
    if (!status.start_time && !job::IsSuspended(job)) status.start_time = Time(clock_.Now());
    const Result<> acted = Act(round);
    TRY(Count(job, round));
    if (!acted) return Fail(acted.error());
    return round.again == kNever ? Requeue::None() : Requeue::After(round.again);
  }

  // Makes and deletes pods. The round has a verdict then if the job may end by it.
  Result<> Act(Round& round) {
    const Job& now = round.now;
    round.verdict = job::Judge(now, round.observed, clock_.Now());
    if (round.verdict.IsOver()) {
      const auto removed = RemovePods(round, round.observed.active, Ending::kCounted);
      // A pod may be left, or come yet, of which nothing would be noted.
      if (!removed || !round.settled) round.verdict = {};
      return removed;
    }
    if (now.spec.active_deadline_seconds && now.status.start_time && !job::IsSuspended(now)) {
      round.again = Between(clock_.Now(), Later(now.status.start_time->point(),
                                                Seconds(*now.spec.active_deadline_seconds)));
    }
    const bool manages = round.settled && !now.metadata.deletion_timestamp;
    Result<> managed;
    if (manages) managed = ManagePods(round);
    round.verdict = job::JudgeCompletions(now, round.observed, round.active);
    if (manages && !round.verdict.IsOver()) SetSuspended(round.now);
    return managed;
  }

  Result<> ManagePods(Round& round) {
    const Job& now = round.now;
    const job::Plan plan = job::PlanPods(now, round.observed, round.back_off, clock_.Now());
    round.again = std::min(round.again, plan.wait);
    round.action = !plan.remove.empty() ? "pods_deleted"
                   : plan.create > 0    ? "pods_created"
                                        : "tracking";
    if (!plan.remove.empty()) return RemovePods(round, plan.remove, Ending::kForgotten);
    const auto owner = ReferenceTo(Job::Info(), now.metadata);
    int made = 0, failed = 0;
    const auto all =
        SlowStart({client_, hands_}, plan.create, [&](int i, Mailbox& answers, Done done) {
          const int index = plan.indexes.empty() ? -1 : plan.indexes[i];
          control_.Create(
              owner, std::make_shared<const Pod>(job::PodFor(now, round.observed, index)), answers,
              [&round, &made, &failed, done = std::move(done)](Result<> outcome) {
                round.active += outcome ? 1 : 0;
                ++(outcome ? made : failed);
                done(std::move(outcome));
              });
        });
    figures_.PodsMade(now, round.observed, made, failed);
    return all;
  }

  void SetSuspended(Job& now) {
    batch_v1::JobCondition wanted;
    const bool suspended = job::IsSuspended(now);
    wanted.type = "Suspended";
    wanted.status = suspended ? "True" : "False";
    wanted.reason = suspended ? "JobSuspended" : "JobResumed";
    wanted.message = suspended ? "Job suspended" : "Job resumed";
    if (!job::SetCondition(now.status, wanted, clock_.Now())) return;
    events_.Normal(now, suspended ? "Suspended" : "Resumed", wanted.message);
    if (!suspended) now.status.start_time = Time(clock_.Now());
  }

  // Whether the job counts how a pod ends that it deletes. A surplus pod, or one of a suspended
  // job, is forgotten: its finalizer comes off first, so that even its success on SIGTERM is not
  // counted.
  enum class Ending { kCounted, kForgotten };

  Result<> RemovePods(Round& round, const job::Pods& pods, Ending ending) {
    const ObjectKey key = KeyOf(round.now);
    const auto owner = ReferenceTo(Job::Info(), round.now.metadata);
    std::atomic<int> removed = 0;
    std::atomic<int> removed_ready = 0;
    const auto done = AllAtOnce(hands_, static_cast<int>(pods.size()), [&](int i) -> Result<> {
      if (ending == Ending::kForgotten) TRY(Release(key, *pods[i]));
      TRY(control_.Delete(owner, *pods[i]));
      ++removed;
      removed_ready += IsReady(*pods[i]);
      return {};
    });
    round.active -= removed;
    round.ready -= removed_ready;
    round.terminating += removed;
    return done;
  }

  // Notes how pods ended, lets go of them, and counts them; ends the job when all are counted.
  Result<> Count(const Job& job, Round& round) {
    auto& status = round.now.status;
    status.active = round.active;
    status.ready = round.ready;
    status.terminating = round.terminating;
    job::Tally tally = job::TakeTally(round.now, round.observed, round.verdict, clock_.Now());
    const auto noted = TRY(WriteStatus(job, tally.status));
    figures_.PodsFinished(job, noted->status);
    figures_.PolicyApplied(tally.by_action);
    Remember(KeyOf(job), round.back_off);
    const Result<> released = ReleasePods(KeyOf(job), tally.release, round.observed.tracked);
    Job counted = *noted;
    job::CountUntracked(counted.status, round.observed.tracked);
    const bool finished = released && tally.is_whole &&
                          job::Finish(counted.status, round.verdict, clock_.Now());
    TRY(WriteStatus(*noted, counted.status));
    figures_.PodsFinished(*noted, counted.status);
    if (finished) TellEnd(counted, round.verdict);
    return released;
  }

  Result<Ptr<Job>> WriteStatus(const Job& job, const batch_v1::JobStatus& status) {
    auto written =
        TRY(client_.PatchStatus(job, [&](Job& it) { it.status = status; }, {.if_unchanged = true}));
    const MutexLock lock(mutex_);
    known_[KeyOf(job)].written = WrittenRevision(written->metadata);
    return written;
  }

  void TellEnd(const Job& job, const job::Verdict& verdict) {
    figures_.Finished(job, verdict.type != "FailureTarget", verdict.reason);
    if (verdict.type == "FailureTarget") {
      events_.Warning(job, verdict.reason, verdict.message);
      return;
    }
    // One was made twice, since the answer to the first request was lost.
    if (job.spec.completions && job.status.succeeded > *job.spec.completions) {
      events_.Warning(job, "TooManySucceededPods",
                      "Too many succeeded pods running after completion count reached");
    }
    events_.Normal(job, "Completed", "Job completed");
  }

  // Takes the uids of those it lets go of out of `tracked`.
  Result<> ReleasePods(const ObjectKey& job, const job::Pods& pods,
                       std::set<std::string>& tracked) {
    const auto done = AllAtOnce(hands_, static_cast<int>(pods.size()),
                                [&](int index) { return Release(job, *pods[index]); });
    const MutexLock lock(mutex_);
    for (const std::string& uid : known_[job].released) tracked.erase(uid);
    return done;
  }

  Result<Requeue> ReleaseAll(const Job& job) {
    for (const auto& pod : pods_.ControlledBy(job.metadata)) {
      if (job::IsTracked(*pod)) TRY(Release(KeyOf(job), *pod));
    }
    return Requeue::None();
  }

  Result<> Release(const ObjectKey& job, const Pod& pod) {
    if (!job::IsTracked(pod)) return {};
    {
      const MutexLock lock(mutex_);
      if (known_[job].released.contains(pod.metadata.uid)) return {};
    }
    TRY(TakeFinalizerOff(client_, pod));
    const MutexLock lock(mutex_);
    known_[job].released.insert(pod.metadata.uid);
    return {};
  }

  // Forgets what the cache shows by now.
  job::DoneTo DoneTo(const Job& job, const job::Pods& pods) {
    job::DoneTo done;
    std::set<std::string> tracked;
    for (const auto& pod : pods) {
      if (job::IsTracked(*pod)) tracked.insert(pod->metadata.uid);
      if (control_.memory().WasDeleted(KeyOf(job), *pod)) done.deleted.insert(pod->metadata.uid);
    }
    const MutexLock lock(mutex_);
    auto& released = known_[KeyOf(job)].released;
    std::erase_if(released, [&](const std::string& uid) { return !tracked.contains(uid); });
    done.released = released;
    return done;
  }

  // A Job is often made anew under its name once it has failed: that is none that has failed.
  void ForgetNamesake(const Job& job) {
    const MutexLock lock(mutex_);
    Known& known = known_[KeyOf(job)];
    if (known.uid != job.metadata.uid) known = {.uid = job.metadata.uid};
  }

  // The revision of our last write to the job's status; its event wakes the job again.
  uint64_t Written(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? 0 : found->second.written;
  }

  // By the clock as it is now: it may have been set since.
  TimePoint AtWall(Duration monotonic) const {
    return clock_.Now() - (clock_.Monotonic() - monotonic);
  }

  std::optional<job::BackOff> KnownBackOff(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    const auto& known = known_[key];
    if (!known.failures) return std::nullopt;
    return job::BackOff{*known.failures, AtWall(known.last_failure)};
  }

  void Remember(const ObjectKey& key, const job::BackOff& back_off) {
    const MutexLock lock(mutex_);
    auto& known = known_[key];
    known.failures = back_off.failures;
    known.last_failure = clock_.Monotonic() - Between(back_off.last_failure, clock_.Now());
  }

  // Of those that count for back-off: what is not counted yet, or everything, as long as there is
  // no record of failures.
  std::map<std::string, TimePoint> SeenEnded(const ObjectKey& key, const job::Observation& observed,
                                             bool has_record) {
    std::map<std::string, TimePoint> times;
    std::map<std::string, Duration> ended;
    const Duration now = clock_.Monotonic();
    const MutexLock lock(mutex_);
    auto& seen = known_[key].seen_ended;
    for (const auto& pod : observed.pods) {
      const std::string& uid = pod->metadata.uid;
      if (!IsTerminal(*pod) && !pod->metadata.deletion_timestamp) continue;
      if (has_record && !observed.tracked.contains(uid)) continue;
      const auto known = seen.find(uid);
      const Duration at = known == seen.end() ? now : known->second;
      ended.emplace(uid, at);
      times.emplace(uid, AtWall(at));
    }
    seen = std::move(ended);
    return times;
  }

  // What is known of a job beside what the cache shows.
  struct Known {
    std::string uid;
    uint64_t written = 0;
    std::set<std::string> released;              // Uids that the cache shows with finalizer.
    std::map<std::string, Duration> seen_ended;  // By the monotonic clock, as last_failure.
    std::optional<int> failures;                 // Of job::BackOff.
    Duration last_failure = Duration(0);
  };

  Client& client_;
  const Clock& clock_;
  Hands& hands_;
  const Informer<Pod> pods_;
  EventRecorder& events_;
  PodControl control_;
  job::JobFigures figures_;
  Mutex mutex_;
  std::map<ObjectKey, Known> known_ GUARDED_BY(mutex_);
};

// Deletes finished Jobs some time after they ended.
class TtlReconciler final : public Reconciler<Job> {
 public:
  TtlReconciler(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        late_(metrics,
              {"ttl_after_finished_controller_job_deletion_duration_seconds",
               "[ALPHA] How long after its time was up a Job was deleted."},
              GrowingBounds(0.1, 2, 14)) {}

  Result<Requeue> Reconcile(const Job& job) override {
    const Duration left = Left(job);
    if (left == kNever) return Requeue::None();
    if (left > Duration(0)) return Requeue::After(left);
    // The cache may not know that somebody has just given it longer.
    const auto live = client_.Get<Job>(KeyOf(job));
    if (!live && live.error().reason == Reason::kNotFound) return Requeue::None();
    if (!live) return Fail(live.error());
    const Duration still = Left(**live);
    if (still > Duration(0)) return Requeue::None();  // Its event comes.
    const auto deleted = client_.Delete(**live, {.propagation = "Foreground"});
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    if (deleted) late_.Took({}, Between(*EndOfLife(**live), clock_.Now()));
    return Requeue::None();
  }

 private:
  Duration Left(const Job& job) const {
    const auto end = EndOfLife(job);
    return end ? std::max(Between(clock_.Now(), *end), Duration(0)) : kNever;
  }

  // nullopt: it stays.
  static std::optional<TimePoint> EndOfLife(const Job& job) {
    if (!job.spec.ttl_seconds_after_finished || job.metadata.deletion_timestamp) {
      return std::nullopt;
    }
    const auto* ended = job::FindCondition(job, "Complete");
    if (!ended) ended = job::FindCondition(job, "Failed");
    // When it ended has to be known: somebody else may have ended it, and not said.
    if (!ended || ended->last_transition_time.IsZero()) return std::nullopt;
    return Later(ended->last_transition_time.point(),
                 Seconds(*job.spec.ttl_seconds_after_finished));
  }

  Client& client_;
  const Clock& clock_;
  const FigureHistogram late_;
};

// Takes the finalizer off pods that no Job will ever count: their Job is gone, or let go of them.
class OrphanReconciler final : public Reconciler<Pod> {
 public:
  explicit OrphanReconciler(Manager& manager)
      : client_(manager.client()), jobs_(manager.informer<Job>()) {}

  Result<Requeue> Reconcile(const Pod& pod) override {
    if (!job::IsTracked(pod)) return Requeue::None();
    const meta_v1::OwnerReference* owner = ControllerOf(pod.metadata);
    if (owner && (owner->kind != "Job" || owner->api_version != "batch/v1")) {
      return Requeue::None();
    }
    if (owner) {
      const ObjectKey key = {pod.metadata.namespace_, owner->name};
      const auto cached = jobs_.Get(key);
      if (cached && cached->metadata.uid == owner->uid) return Requeue::None();
      const auto live = client_.Get<Job>(key);
      if (live && (*live)->metadata.uid == owner->uid) return Requeue::None();
      if (!live && live.error().reason != Reason::kNotFound) return Fail(live.error());
    }
    TRY(TakeFinalizerOff(client_, pod));
    return Requeue::None();
  }

 private:
  Client& client_;
  const Informer<Job> jobs_;
};

}  // namespace

void AddJobController(Manager& manager, MetricRegistry* metrics) {
  const auto pods = manager.informer<Pod>();
  ControllerBuilder<Pod>(manager, "job")
      .Only([](const Pod& pod) { return job::IsTracked(pod); })
      .Watches<Job>([pods](const Job& job) {
        std::vector<ObjectKey> keys;
        for (const auto& pod : pods.ControlledBy(job.metadata)) keys.push_back(KeyOf(*pod));
        return keys;
      })
      .Complete(std::make_unique<OrphanReconciler>(manager));
  ControllerBuilder<Job>(manager, "job")
      .Owns<Pod>()
      .Watches<Pod>(MayAdopt(manager.informer<Job>()))
      .Workers(5)
      .Retry({.first_delay = 1s, .max_delay = 60s})
      .Complete(std::make_unique<JobReconciler>(manager, metrics));
}

void AddTtlAfterFinishedController(Manager& manager, MetricRegistry* metrics) {
  ControllerBuilder<Job>(manager, "ttl-after-finished")
      .Complete(std::make_unique<TtlReconciler>(manager, metrics));
}

}  // namespace skiff
