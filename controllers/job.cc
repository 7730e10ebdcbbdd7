// Job: pods until enough of them have succeeded. Each finished pod is counted once, whatever
// crashes when:
//
//   pod ends ─► its uid in status.uncountedTerminatedPods ─► its finalizer comes off ─► it is
//   counted and its uid leaves the list, in one write. Until then the finalizer keeps the pod.
#include <fmt/format.h>

#include <algorithm>

#include "base/seconds.h"
#include "client/reconciler.h"
#include "controllers/claim.h"
#include "controllers/job_indexes.h"
#include "controllers/job_plan.h"
#include "controllers/pod_control.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using batch_v1::Job;
using core_v1::Pod;

constexpr size_t kUncountedMax = 500;
constexpr std::string_view kManagedHere = "kubernetes.io/job-controller";

class JobReconciler final : public Reconciler<Job> {
 public:
  explicit JobReconciler(Manager& manager)
      : client_(manager.client()),
        clock_(manager.clock()),
        hands_(manager.hands()),
        pods_(manager.informer<Pod>()),
        events_(manager.Recorder("job-controller")),
        control_(manager.client(), events_, pods_) {}

  Result<Requeue> Reconcile(const Job& job) override {
    if (job.spec.managed_by.value_or(std::string(kManagedHere)) != kManagedHere) {
      return Requeue::None();
    }
    // By a status that we have replaced ourselves, pods would be missed or counted twice.
    if (WrittenRevision(job.metadata) < Written(KeyOf(job))) return Requeue::None();
    if (job::IsFinished(job) || !job.spec.selector) return ReleaseAll(job);
    const auto selector = TRY(LabelSelector::From(*job.spec.selector));
    const bool settled = control_.memory().Unseen(KeyOf(job)).empty();
    const job::Pods pods = TRY(ClaimObjects(client_, job, selector, pods_));
    auto observation = job::Observe(job, pods, Released(job, pods));
    observation.seen_ended = SeenEnded(KeyOf(job), pods);
    const job::Verdict verdict = job::Judge(job, observation, clock_.Now());
    Job now = job;
    Duration again = kNever;
    if (!verdict.type.empty()) {
      TRY(RemovePods(job, observation.active, Ending::kCounted));
    } else if (settled && !job.metadata.deletion_timestamp) {
      again = TRY(ManagePods(now, observation, pods));
    }
    TRY(Count(job, std::move(now), observation, verdict, pods));
    if (job.spec.active_deadline_seconds && job.status.start_time) {
      const TimePoint end =
          Later(job.status.start_time->point(), Seconds(*job.spec.active_deadline_seconds));
      const Duration left = Between(clock_.Now(), end);
      if (left > Duration(0)) again = std::min(again, left);
    }
    return again == kNever ? Requeue::None() : Requeue::After(again);
  }

  void Forget(const ObjectKey& key) override {
    control_.memory().Forget(key);
    const MutexLock lock(mutex_);
    released_.erase(key);
    seen_ended_.erase(key);
    written_.erase(key);
  }

 private:
  // Creates and deletes; how long back-off still lasts.
  Result<Duration> ManagePods(Job& now, const job::Observation& observation,
                              const job::Pods& pods) {
    SetSuspended(now);
    const job::Plan plan = job::PlanPods(now, observation, pods, clock_.Now());
    TRY(RemovePods(now, plan.remove, Ending::kForgotten));
    const auto owner = ReferenceTo(Job::Info(), now.metadata);
    TRY(SlowStart(hands_, plan.create, [&](int index) {
      return control_.Create(owner,
                             job::PodFor(now, plan.indexes.empty() ? -1 : plan.indexes[index]));
    }));
    return plan.wait;
  }

  void SetSuspended(Job& now) {
    const bool was = job::FindCondition(now, "Suspended") != nullptr;
    if (job::IsSuspended(now) && !was) {
      job::SetCondition(now.status, "Suspended", "True", "JobSuspended", "Job suspended",
                        clock_.Now());
      events_.Normal(now, "Suspended", "Job suspended");
    } else if (!job::IsSuspended(now) && was) {
      job::SetCondition(now.status, "Suspended", "False", "JobResumed", "Job resumed",
                        clock_.Now());
      now.status.start_time = Time(clock_.Now());
      events_.Normal(now, "Resumed", "Job resumed");
    }
  }

  // Whether the job counts how a pod ends that it deletes. A surplus pod, or one of a suspended
  // job, is forgotten: its finalizer comes off first, so that even its success on SIGTERM is not
  // counted.
  enum class Ending { kCounted, kForgotten };

  Result<> RemovePods(const Job& job, const job::Pods& pods, Ending ending) {
    const auto owner = ReferenceTo(Job::Info(), job.metadata);
    return AllAtOnce(hands_, static_cast<int>(pods.size()), [&](int index) -> Result<> {
      if (control_.memory().WasDeleted(KeyOf(job), *pods[index])) return {};
      if (ending == Ending::kForgotten) TRY(Release(KeyOf(job), *pods[index]));
      return control_.Delete(owner, *pods[index]);
    });
  }

  // The three writes at the top of this file, and the end of the job when all pods are counted.
  Result<> Count(const Job& job, Job now, const job::Observation& observation,
                 const job::Verdict& verdict, const job::Pods& pods) {
    if (!now.status.start_time && !job::IsSuspended(now))
      now.status.start_time = Time(clock_.Now());
    now.status.active = verdict.type.empty() ? static_cast<int>(observation.active.size()) : 0;
    now.status.ready = observation.ready;
    now.status.terminating = observation.terminating;
    NoteFinished(now, observation);
    if (!verdict.type.empty()) {
      job::SetCondition(now.status, verdict.type, "True", verdict.reason, verdict.message,
                        clock_.Now());
    }
    const auto noted = TRY(WriteStatus(job, now.status));
    TRY(ReleaseNoted(*noted, pods));
    Job counted = *noted;
    auto& uncounted = counted.status.uncounted_terminated_pods.Ensure();
    counted.status.succeeded += static_cast<int>(uncounted.succeeded.size());
    counted.status.failed += static_cast<int>(uncounted.failed.size());
    uncounted = {};
    if (!verdict.type.empty() && observation.terminating == 0 && observation.active.empty()) {
      Finish(counted, verdict);
    }
    TRY(WriteStatus(*noted, counted.status));
    return {};
  }

  Result<Ptr<Job>> WriteStatus(const Job& job, const batch_v1::JobStatus& status) {
    auto written =
        TRY(client_.PatchStatus(job, [&](Job& it) { it.status = status; }, {.if_unchanged = true}));
    const MutexLock lock(mutex_);
    written_[KeyOf(job)] = WrittenRevision(written->metadata);
    return written;
  }

  // The revision of our last write to the job's status; its event wakes the job again.
  uint64_t Written(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    const auto found = written_.find(key);
    return found == written_.end() ? 0 : found->second;
  }

  static void NoteFinished(Job& now, const job::Observation& observation) {
    auto& uncounted = now.status.uncounted_terminated_pods.Ensure();
    const auto room = [&] {
      return uncounted.succeeded.size() + uncounted.failed.size() < kUncountedMax;
    };
    job::Indexes indexes = job::Indexes::Parse(now.status.completed_indexes);
    for (const auto& pod : observation.succeeded) {
      if (!room()) break;
      uncounted.succeeded.push_back(pod->metadata.uid);
      if (job::IsIndexed(now)) indexes.Insert(job::IndexOf(*pod));
    }
    now.status.completed_indexes = indexes.Text();
    for (const auto& pod : observation.failed) {
      if (room()) uncounted.failed.push_back(pod->metadata.uid);
    }
  }

  void Finish(Job& job, const job::Verdict& verdict) {
    const bool complete = verdict.type == "SuccessCriteriaMet";
    job::SetCondition(job.status, complete ? "Complete" : "Failed", "True", verdict.reason,
                      verdict.message, clock_.Now());
    if (complete) {
      // A clock that was set back meanwhile would have it end before it began, which is refused.
      job.status.completion_time =
          std::max(Time(clock_.Now()), job.status.start_time.value_or(Time()));
      // One was made twice, since the answer to the first request was lost.
      if (job.spec.completions && job.status.succeeded > *job.spec.completions) {
        events_.Warning(job, "TooManySucceededPods",
                        "Too many succeeded pods running after completion count reached");
      }
      events_.Normal(job, "Completed", "Job completed");
    } else {
      events_.Warning(job, verdict.reason, verdict.message);
    }
  }

  // Takes the finalizer off all pods that the job has noted.
  Result<> ReleaseNoted(const Job& job, const job::Pods& pods) {
    const auto& uncounted = job.status.uncounted_terminated_pods;
    if (!uncounted) return {};
    std::set<std::string> uids(uncounted->succeeded.begin(), uncounted->succeeded.end());
    uids.insert(uncounted->failed.begin(), uncounted->failed.end());
    job::Pods noted;
    std::copy_if(pods.begin(), pods.end(), std::back_inserter(noted), [&](const auto& pod) {
      return uids.contains(pod->metadata.uid) && job::IsTracked(*pod);
    });
    return AllAtOnce(hands_, static_cast<int>(noted.size()),
                     [&](int index) { return Release(KeyOf(job), *noted[index]); });
  }

  Result<Requeue> ReleaseAll(const Job& job) {
    for (const auto& pod : pods_.ControlledBy(job.metadata.uid)) {
      if (job::IsTracked(*pod)) TRY(Release(KeyOf(job), *pod));
    }
    return Requeue::None();
  }

  Result<> Release(const ObjectKey& job, const Pod& pod) {
    {
      const MutexLock lock(mutex_);
      if (released_[job].contains(pod.metadata.uid)) return {};
    }
    const auto done =
        client_.Patch(pod, [](Pod& it) { std::erase(it.metadata.finalizers, job::kTracking); },
                      {.if_unchanged = true});
    if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
    const MutexLock lock(mutex_);
    released_[job].insert(pod.metadata.uid);
    return {};
  }

  // The uids of pods whose finalizer was taken off and that the cache shows with it.
  std::set<std::string> Released(const Job& job, const job::Pods& pods) {
    const MutexLock lock(mutex_);
    auto& released = released_[KeyOf(job)];
    std::set<std::string> tracked;
    for (const auto& pod : pods) {
      if (job::IsTracked(*pod)) tracked.insert(pod->metadata.uid);
    }
    std::erase_if(released, [&](const std::string& uid) { return !tracked.contains(uid); });
    return released;
  }

  // By the clock as it is now: it may have been set since.
  std::map<std::string, TimePoint> SeenEnded(const ObjectKey& job, const job::Pods& pods) {
    std::map<std::string, TimePoint> times;
    std::map<std::string, Duration> ended;
    const Duration now = clock_.Monotonic();
    const MutexLock lock(mutex_);
    auto& seen = seen_ended_[job];
    for (const auto& pod : pods) {
      const std::string& uid = pod->metadata.uid;
      if (!IsTerminal(*pod)) continue;
      const auto known = seen.find(uid);
      const Duration at = known == seen.end() ? now : known->second;
      ended.emplace(uid, at);
      times.emplace(uid, clock_.Now() - (now - at));
    }
    seen = std::move(ended);
    return times;
  }

  Client& client_;
  const Clock& clock_;
  Hands& hands_;
  const Informer<Pod> pods_;
  EventRecorder& events_;
  PodControl control_;
  Mutex mutex_;
  std::map<ObjectKey, std::set<std::string>> released_ GUARDED_BY(mutex_);
  std::map<ObjectKey, std::map<std::string, Duration>> seen_ended_ GUARDED_BY(mutex_);
  std::map<ObjectKey, uint64_t> written_ GUARDED_BY(mutex_);
};

// Deletes finished Jobs some time after they ended.
class TtlReconciler final : public Reconciler<Job> {
 public:
  explicit TtlReconciler(Manager& manager) : client_(manager.client()), clock_(manager.clock()) {}

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
    return Requeue::None();
  }

 private:
  Duration Left(const Job& job) const {
    if (!job.spec.ttl_seconds_after_finished || job.metadata.deletion_timestamp) return kNever;
    const auto* ended = job::FindCondition(job, "Complete");
    if (!ended) ended = job::FindCondition(job, "Failed");
    if (!ended) return kNever;
    const TimePoint end = Later(ended->last_transition_time.point(),
                                Seconds(*job.spec.ttl_seconds_after_finished));
    return std::max(Between(clock_.Now(), end), Duration(0));
  }

  Client& client_;
  const Clock& clock_;
};

// Takes the finalizer off pods that no Job will ever count: their Job is gone, or let go of them.
class OrphanReconciler final : public Reconciler<Pod> {
 public:
  explicit OrphanReconciler(Manager& manager)
      : client_(manager.client()), jobs_(manager.informer<Job>()) {}

  Result<Requeue> Reconcile(const Pod& pod) override {
    if (!job::IsTracked(pod)) return Requeue::None();
    const meta_v1::OwnerReference* owner = ControllerOf(pod.metadata);
    if (owner && owner->kind != "Job") return Requeue::None();
    if (owner) {
      const ObjectKey key = {pod.metadata.namespace_, owner->name};
      const auto cached = jobs_.Get(key);
      if (cached && cached->metadata.uid == owner->uid) return Requeue::None();
      const auto live = client_.Get<Job>(key);
      if (live && (*live)->metadata.uid == owner->uid) return Requeue::None();
      if (!live && live.error().reason != Reason::kNotFound) return Fail(live.error());
    }
    const auto done =
        client_.Patch(pod, [](Pod& it) { std::erase(it.metadata.finalizers, job::kTracking); },
                      {.if_unchanged = true});
    if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
    return Requeue::None();
  }

 private:
  Client& client_;
  const Informer<Job> jobs_;
};

}  // namespace

void AddJobController(Manager& manager) {
  const auto pods = manager.informer<Pod>();
  ControllerBuilder<Pod>(manager, "job")
      .Watches<Job>([pods](const Job& job) {
        std::vector<ObjectKey> keys;
        for (const auto& pod : pods.ControlledBy(job.metadata.uid)) keys.push_back(KeyOf(*pod));
        return keys;
      })
      .Complete(std::make_unique<OrphanReconciler>(manager));
  ControllerBuilder<Job>(manager, "job")
      .Owns<Pod>()
      .Workers(5)
      .Retry({.first_delay = 1s, .max_delay = 60s})
      .Complete(std::make_unique<JobReconciler>(manager));
}

void AddTtlAfterFinishedController(Manager& manager) {
  ControllerBuilder<Job>(manager, "ttl-after-finished")
      .Complete(std::make_unique<TtlReconciler>(manager));
}

}  // namespace skiff
