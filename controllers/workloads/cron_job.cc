// CronJob: makes a Job each time its schedule fires, and clears away old ones. When that is, is
// decided in cron_job_plan.cc.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api/text/go_text.h"
#include "base/mutex.h"
#include "base/seconds.h"
#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/program.h"
#include "controllers/workloads/cron_job_plan.h"
#include "controllers/workloads/job_figures.h"

namespace skiff {
namespace {

using batch_v1::CronJob;
using batch_v1::CronJobStatus;
using batch_v1::Job;

// After the minute, so that a clock that is read a little early does not see it as to come.
constexpr Duration kAfterTheRun = 100ms;

class CronJobReconciler final : public Reconciler<CronJob> {
 public:
  CronJobReconciler(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        jobs_(manager.informer<Job>()),
        events_(manager.Recorder("cronjob-controller")),
        figures_(metrics) {}

  Result<Requeue> Reconcile(const CronJob& cached) override {
    // The newest one: what it says of its own jobs must not be what it said before our last write.
    const auto live = client_.Get<CronJob>(KeyOf(cached));
    if (!live && live.error().reason == Reason::kNotFound) return Requeue::None();
    if (!live) return Fail(live.error());
    const CronJob& cron_job = **live;
    const cron::Jobs jobs = jobs_.ControlledBy(cron_job.metadata);
    CronJobStatus status = cron_job.status;
    ClearHistory(cron_job, jobs, status);
    auto again = FollowAndRun(cron_job, jobs, status);
    TRY(client_.PatchStatus(cron_job, [&](CronJob& it) { it.status = status; },
                            {.if_unchanged = true}));
    if (again) RememberTimes(cron_job);
    return again;
  }

  void Forget(const ObjectKey& key) override {
    const MutexLock lock(mutex_);
    times_.erase(key);
  }

 private:
  // When somebody wants it to run.
  struct Times {
    std::string uid;
    std::string schedule;
    std::string zone;
    bool operator==(const Times&) const = default;
  };
  static Times TimesOf(const CronJob& cron_job) {
    return {cron_job.metadata.uid, cron_job.spec.schedule, cron_job.spec.time_zone.value_or("")};
  }

  // Whether it has been given other times since it was last looked at. Runs that it would have had
  // by these until now are nothing that it has missed.
  bool IsRescheduled(const CronJob& cron_job) {
    const Times now = TimesOf(cron_job);
    const MutexLock lock(mutex_);
    const auto known = times_.find(KeyOf(cron_job));
    return known != times_.end() && known->second.uid == now.uid && known->second != now;
  }
  void RememberTimes(const CronJob& cron_job) {
    const MutexLock lock(mutex_);
    times_[KeyOf(cron_job)] = TimesOf(cron_job);
  }

  // A job that somebody keeps from being deleted does not keep others from being made: the event
  // tells of it, and the next run tries again.
  void ClearHistory(const CronJob& cron_job, const cron::Jobs& jobs, CronJobStatus& status) {
    for (const auto& job : cron::Outdated(cron_job, jobs)) {
      (void)DeleteJob(cron_job, *job, status);
    }
  }

  // What is deleted is not active any more.
  Result<> DeleteJob(const CronJob& cron_job, const Job& job, CronJobStatus& status) {
    const auto deleted = client_.Delete(job, {.propagation = "Background"});
    if (!deleted && deleted.error().reason != Reason::kNotFound) {
      events_.Warning(cron_job, "FailedDelete",
                      fmt::format("Deleted job: {}", deleted.error().message));
      return Fail(deleted.error());
    }
    Deactivate(status, job.metadata.uid);
    if (deleted) events_.Normal(cron_job, "SuccessfulDelete", "Deleted job " + job.metadata.name);
    return {};
  }

  Result<Requeue> FollowAndRun(const CronJob& cron_job, const cron::Jobs& jobs,
                               CronJobStatus& status) {
    TRY(FollowJobs(cron_job, jobs, status));
    return RunWhatIsDue(cron_job, status);
  }

  static void Deactivate(CronJobStatus& status, const std::string& uid) {
    std::erase_if(status.active, [&](const auto& reference) { return reference.uid == uid; });
  }

  static bool IsActive(const CronJobStatus& status, const std::string& uid) {
    return std::any_of(status.active.begin(), status.active.end(),
                       [&](const auto& reference) { return reference.uid == uid; });
  }

  // status.active follows the jobs that run; status.lastSuccessfulTime the last that succeeded.
  Result<> FollowJobs(const CronJob& cron_job, const cron::Jobs& jobs, CronJobStatus& status) {
    std::set<std::string> children;
    for (const auto& job : jobs) {
      children.insert(job->metadata.uid);
      const std::string end = cron::EndOf(*job);
      const bool is_active = IsActive(status, job->metadata.uid);
      if (!is_active && end.empty()) {
        events_.Warning(cron_job, "UnexpectedJob",
                        "Saw a job that the controller did not create or forgot: " +
                            job->metadata.name);
      } else if (is_active && !end.empty()) {
        Deactivate(status, job->metadata.uid);
        events_.Normal(
            cron_job, "SawCompletedJob",
            fmt::format("Saw completed job: {}, condition: {}", job->metadata.name, end));
      }
      const auto& completed = job->status.completion_time;
      if (end == "Complete" && completed &&
          (!status.last_successful_time || *status.last_successful_time < *completed)) {
        status.last_successful_time = completed;
      }
    }
    const auto active = status.active;
    for (const auto& reference : active) {
      if (children.contains(reference.uid)) continue;
      const auto job = client_.Get<Job>({reference.namespace_, reference.name});
      if (job && (*job)->metadata.uid == reference.uid) continue;
      if (!job && job.error().reason != Reason::kNotFound) return Fail(job.error());
      events_.Normal(cron_job, "MissingJob", "Active job went missing: " + reference.name);
      Deactivate(status, reference.uid);
    }
    return {};
  }

  // By its spec; nullopt where nothing is made of it before it changes, which an event has told.
  struct Schedule {
    CronSchedule times;
    TimeZone zone;
  };
  std::optional<Schedule> ScheduleOf(const CronJob& cron_job) {
    const std::string& text = cron_job.spec.schedule;
    if (text.find("TZ") != std::string::npos) {
      events_.Warning(
          cron_job, "UnsupportedSchedule",
          fmt::format("CRON_TZ or TZ used in schedule {} is not officially supported, see "
                      "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for "
                      "more details",
                      GoQuote(text)));
    }
    const auto unparseable = [&](const std::string& why) {
      events_.Warning(cron_job, "UnparseableSchedule",
                      fmt::format("unparseable schedule: {} : {}", GoQuote(text), why));
    };
    auto times = CronSchedule::Parse(text);
    if (!times) {
      unparseable(times.error().message);
      return std::nullopt;
    }
    auto zone = TimeZone::Load(cron::ZoneOf(cron_job, *times));
    if (!zone) {
      unparseable(zone.error().message);
      return std::nullopt;
    }
    return Schedule{std::move(*times), std::move(*zone)};
  }

  bool HasKnownZone(const CronJob& cron_job) {
    const std::string zone = cron_job.spec.time_zone.value_or("");
    const auto found = TimeZone::Load(zone);
    if (found) return true;
    events_.Warning(cron_job, "UnknownTimeZone",
                    fmt::format("invalid timeZone: {}: {}", GoQuote(zone), found.error().message));
    return false;
  }

  Result<Requeue> RunWhatIsDue(const CronJob& cron_job, CronJobStatus& status) {
    if (cron_job.metadata.deletion_timestamp || !HasKnownZone(cron_job)) return Requeue::None();
    if (cron_job.spec.suspend.value_or(false)) return Requeue::None();
    const auto schedule = ScheduleOf(cron_job);
    if (!schedule) return Requeue::None();
    if (!IsRescheduled(cron_job)) {
      const bool goes_on = TRY(RunLatest(cron_job, *schedule, status));
      if (!goes_on) return Requeue::None();
    }
    const TimePoint now = clock_.Now();
    const auto& last = status.last_schedule_time;
    const auto next =
        cron::NextRunSince(last ? last->point() : cron_job.metadata.creation_timestamp.point(),
                           schedule->times, schedule->zone, now);
    return next ? Requeue::After(Between(now, Later(*next, kAfterTheRun))) : Requeue::None();
  }

  // The last one of those that were missed. False where the schedule is none.
  Result<bool> RunLatest(const CronJob& cron_job, const Schedule& schedule, CronJobStatus& status) {
    const TimePoint now = clock_.Now();
    const auto missed = cron::MissedRuns(cron_job, schedule.times, schedule.zone, now);
    if (!missed) {
      events_.Warning(cron_job, "InvalidSchedule",
                      fmt::format("invalid schedule: {} : {}", cron_job.spec.schedule,
                                  missed.error().message));
      return false;
    }
    if (missed->too_many) {
      events_.Warning(cron_job, "TooManyMissedTimes",
                      "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
                      "or check clock skew");
    }
    if (missed->latest) TRY(Run(cron_job, *missed->latest, status));
    return true;
  }

  Result<> Run(const CronJob& cron_job, TimePoint run, CronJobStatus& status) {
    const auto& deadline = cron_job.spec.starting_deadline_seconds;
    if (deadline && Later(run, Seconds(*deadline)) < clock_.Now()) {
      events_.Warning(cron_job, "MissSchedule",
                      fmt::format("Missed scheduled time to start a job: {:%a, %d %b %Y %H:%M:%S} "
                                  "+0000",
                                  std::chrono::floor<std::chrono::seconds>(run)));
      return {};
    }
    const std::string name = cron::JobName(cron_job, run);
    const bool is_running =
        std::any_of(status.active.begin(), status.active.end(),
                    [&](const auto& reference) { return reference.name == name; });
    if (is_running || (status.last_schedule_time && status.last_schedule_time->point() == run)) {
      return {};
    }
    if (cron_job.spec.concurrency_policy == "Forbid" && !status.active.empty()) {
      events_.Normal(cron_job, "JobAlreadyActive",
                     "Not starting job because prior execution is running and concurrency policy "
                     "is Forbid");
      return {};
    }
    if (cron_job.spec.concurrency_policy == "Replace") TRY(Replace(cron_job, status));
    // Which run it is, is told in the zone that was asked for, whatever that of this machine is.
    const auto zone = TRY(TimeZone::Load(cron_job.spec.time_zone.value_or("UTC")));
    return Start(cron_job, cron::NewJob(cron_job, run, zone), run, status);
  }

  // The server is asked for what is active: the cache may not show the last one yet.
  Result<> Replace(const CronJob& cron_job, CronJobStatus& status) {
    const auto active = status.active;
    for (const auto& reference : active) {
      const auto job = client_.Get<Job>({reference.namespace_, reference.name});
      if (!job && job.error().reason != Reason::kNotFound) {
        events_.Warning(cron_job, "FailedGet", "Get job: " + job.error().message);
        return Fail(job.error());
      }
      if (job && (*job)->metadata.uid == reference.uid) {
        TRY(DeleteJob(cron_job, **job, status));
      } else {
        Deactivate(status, reference.uid);
      }
    }
    return {};
  }

  Result<> Start(const CronJob& cron_job, const Job& wanted, TimePoint run, CronJobStatus& status) {
    auto created = client_.CreateOwned(cron_job, wanted);
    if (created) {
      figures_.Made(Between(run, (*created)->metadata.creation_timestamp.point()));
      events_.Normal(cron_job, "SuccessfulCreate", "Created job " + wanted.metadata.name);
    } else if (created.error().reason == Reason::kAlreadyExists) {
      // Ours when the last status did not reach the server.
      auto existing = TRY(client_.Get<Job>(KeyOf(wanted)));
      const auto* owner = ControllerOf(existing->metadata);
      if (!owner || owner->uid != cron_job.metadata.uid) return {};
      created = std::move(existing);
    } else if (IsNamespaceTerminating(created.error())) {
      return Fail(created.error());
    } else {
      events_.Warning(cron_job, "FailedCreate",
                      fmt::format("Error creating job: {}", created.error().message));
      return Fail(created.error());
    }
    if (cron::EndOf(**created).empty()) {
      auto reference = ReferenceTo(Job::Info(), (*created)->metadata);
      status.active.push_back(std::move(reference));
    }
    status.last_schedule_time = Time(run);
    return {};
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Job> jobs_;
  EventRecorder& events_;
  job::CronJobFigures figures_;
  Mutex mutex_;
  std::map<ObjectKey, Times> times_ GUARDED_BY(mutex_);  // As each was last looked at.
};

}  // namespace

void AddCronJobController(Manager& manager, MetricRegistry* metrics) {
  ControllerBuilder<CronJob>(manager, "cronjob-controller")
      .Owns<Job>()
      .Workers(5)
      .Complete(std::make_unique<CronJobReconciler>(manager, metrics));
}

}  // namespace skiff
