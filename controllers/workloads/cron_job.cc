// CronJob: makes a Job each time its schedule fires, and clears away old ones. When that is, is
// decided in cron_job_plan.cc.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/seconds.h"
#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/program.h"
#include "controllers/workloads/cron_job_plan.h"

namespace skiff {
namespace {

using batch_v1::CronJob;
using batch_v1::CronJobStatus;
using batch_v1::Job;

// After the minute, so that a clock that is read a little early does not see it as to come.
constexpr Duration kAfterTheRun = 100ms;

class CronJobReconciler final : public Reconciler<CronJob> {
 public:
  explicit CronJobReconciler(Manager& manager)
      : client_(manager.client()),
        clock_(manager.clock()),
        jobs_(manager.informer<Job>()),
        events_(manager.Recorder("cronjob-controller")) {}

  Result<Requeue> Reconcile(const CronJob& cached) override {
    // The newest one: what it says of its own jobs must not be what it said before our last write.
    const auto live = client_.Get<CronJob>(KeyOf(cached));
    if (!live && live.error().reason == Reason::kNotFound) return Requeue::None();
    if (!live) return Fail(live.error());
    const CronJob& cron_job = **live;
    const cron::Jobs jobs = JobsOf(cron_job);
    CronJobStatus status = cron_job.status;
    TRY(ClearHistory(cron_job, jobs));
    TRY(FollowJobs(cron_job, jobs, status));
    auto again = RunWhatIsDue(cron_job, jobs, status);
    TRY(client_.PatchStatus(cron_job, [&](CronJob& it) { it.status = status; },
                            {.if_unchanged = true}));
    return again;
  }

 private:
  cron::Jobs JobsOf(const CronJob& cron_job) const {
    return jobs_.ControlledBy(cron_job.metadata);
  }

  Result<> ClearHistory(const CronJob& cron_job, const cron::Jobs& jobs) {
    for (const auto& job : cron::Outdated(cron_job, jobs)) TRY(DeleteJob(cron_job, *job));
    return {};
  }

  Result<> DeleteJob(const CronJob& cron_job, const Job& job) {
    const auto deleted = client_.Delete(job, {.propagation = "Background"});
    if (!deleted && deleted.error().reason == Reason::kNotFound) return {};
    if (!deleted) {
      events_.Warning(cron_job, "FailedDelete",
                      fmt::format("Deleted job: {}", deleted.error().message));
      return Fail(deleted.error());
    }
    events_.Normal(cron_job, "SuccessfulDelete", "Deleted job " + job.metadata.name);
    return {};
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
        std::erase_if(status.active, [&](const auto& it) { return it.uid == job->metadata.uid; });
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
      std::erase_if(status.active, [&](const auto& it) { return it.uid == reference.uid; });
    }
    return {};
  }

  Result<Requeue> RunWhatIsDue(const CronJob& cron_job, const cron::Jobs& jobs,
                               CronJobStatus& status) {
    if (cron_job.metadata.deletion_timestamp || cron_job.spec.suspend.value_or(false)) {
      return Requeue::None();
    }
    const auto schedule = CronSchedule::Parse(cron_job.spec.schedule);
    // Its next change wakes us.
    if (!schedule) {
      events_.Warning(cron_job, "UnparseableSchedule",
                      fmt::format("unparseable schedule: \"{}\" : {}", cron_job.spec.schedule,
                                  schedule.error().message));
      return Requeue::None();
    }
    const std::string zone_name = cron_job.spec.time_zone.value_or(schedule->zone());
    const auto zone = TimeZone::Load(zone_name);
    if (!zone) {
      events_.Warning(
          cron_job, "UnknownTimeZone",
          fmt::format("invalid timeZone: \"{}\": {}", zone_name, zone.error().message));
      return Requeue::None();
    }
    const TimePoint now = clock_.Now();
    const auto missed = cron::MissedRuns(cron_job, *schedule, *zone, now);
    if (!missed) {
      events_.Warning(cron_job, "InvalidSchedule",
                      fmt::format("invalid schedule: {} : {}", cron_job.spec.schedule,
                                  missed.error().message));
      return Requeue::None();
    }
    if (missed->too_many) {
      events_.Warning(cron_job, "TooManyMissedTimes",
                      "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
                      "or check clock skew");
    }
    if (missed->latest) TRY(Run(cron_job, jobs, *missed->latest, *zone, status));
    const auto& last = status.last_schedule_time;
    const auto next = cron::NextRunSince(
        last ? last->point() : cron_job.metadata.creation_timestamp.point(), *schedule, *zone, now);
    return next ? Requeue::After(Between(now, Later(*next, kAfterTheRun))) : Requeue::None();
  }

  Result<> Run(const CronJob& cron_job, const cron::Jobs& jobs, TimePoint run, const TimeZone& zone,
               CronJobStatus& status) {
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
    if (cron_job.spec.concurrency_policy == "Replace") TRY(Replace(cron_job, jobs, status));
    return Start(cron_job, cron::NewJob(cron_job, run, zone), run, status);
  }

  Result<> Replace(const CronJob& cron_job, const cron::Jobs& jobs, CronJobStatus& status) {
    for (const auto& job : jobs) {
      if (!IsActive(status, job->metadata.uid)) continue;
      TRY(DeleteJob(cron_job, *job));
      std::erase_if(status.active, [&](const auto& it) { return it.uid == job->metadata.uid; });
    }
    return {};
  }

  Result<> Start(const CronJob& cron_job, const Job& wanted, TimePoint run, CronJobStatus& status) {
    auto created = client_.CreateOwned(cron_job, wanted);
    if (created) {
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
};

}  // namespace

void AddCronJobController(Manager& manager) {
  ControllerBuilder<CronJob>(manager, "cronjob-controller")
      .Owns<Job>()
      .Workers(5)
      .Complete(std::make_unique<CronJobReconciler>(manager));
}

}  // namespace skiff
