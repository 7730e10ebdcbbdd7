#include "controllers/workloads/cron_job_plan.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/seconds.h"

namespace skiff::cron {
namespace {

using batch_v1::CronJob;
using batch_v1::Job;
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

constexpr std::string_view kScheduledAt = "batch.kubernetes.io/cronjob-scheduled-timestamp";
constexpr int kManyMissed = 100;
constexpr size_t kNameMax = 52;  // So that its pods can be named after the job.
// Clocks are moved a few times a year at most.
constexpr int kChangesMax = 64;

LocalMinute Local(TimePoint at, Duration offset) {
  return LocalMinute(
      std::chrono::floor<std::chrono::minutes>((at + offset).time_since_epoch()));
}

TimePoint Moment(LocalMinute local, Duration offset) {
  return TimePoint(Duration(local.time_since_epoch())) - offset;
}

TimePoint StartOf(const Job& job) {
  return job.status.start_time ? job.status.start_time->point() : TimePoint::max();
}

// The oldest that finished in that way, beyond the limit.
void AddOutdated(Jobs jobs, int limit, std::string_view end, Jobs& outdated) {
  std::erase_if(jobs, [&](const auto& job) { return EndOf(*job) != end; });
  if (static_cast<int>(jobs.size()) <= limit) return;
  std::sort(jobs.begin(), jobs.end(), [](const auto& a, const auto& b) {
    return std::pair(StartOf(*a), a->metadata.name) < std::pair(StartOf(*b), b->metadata.name);
  });
  outdated.insert(outdated.end(), jobs.begin(), jobs.end() - limit);
}

}  // namespace

std::optional<TimePoint> NextRun(const CronSchedule& schedule, const TimeZone& zone,
                                 TimePoint after) {
  if (schedule.every() > Duration(0)) {
    // A period may be as long as time itself.
    if (after > TimePoint::max() - schedule.every()) return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(after) + schedule.every();
  }
  Duration offset = zone.OffsetAt(after);
  LocalMinute local = Local(after, offset);
  TimePoint from = after;
  for (int i = 0; i < kChangesMax; ++i) {
    const LocalMinute next = schedule.Next(local);
    if (next == local) return std::nullopt;
    const TimePoint run = Moment(next, offset);
    const TimePoint change = zone.NextChange(from);
    if (run < change) return run;
    // From the change on local time is another: the minute it begins with may be due.
    from = change;
    offset = zone.OffsetAt(change);
    local = Local(change, offset) - std::chrono::minutes(1);
  }
  return std::nullopt;
}

Result<Missed> MissedRuns(const CronJob& cron_job, const CronSchedule& schedule,
                          const TimeZone& zone, TimePoint now) {
  TimePoint earliest = cron_job.metadata.creation_timestamp.point();
  if (cron_job.status.last_schedule_time) earliest = cron_job.status.last_schedule_time->point();
  if (cron_job.spec.starting_deadline_seconds) {
    earliest = std::max(earliest, now - Seconds(*cron_job.spec.starting_deadline_seconds));
  }
  // A status may name any time. Who missed a century of runs missed enough of them.
  if (earliest >= now) return Missed{};
  earliest = std::max(earliest, now - Seconds(std::numeric_limits<int64_t>::max()));
  const auto too_close = [] {
    return Fail(Reason::kInvalid, "time difference between two schedules is less than 1 second");
  };
  const auto first = NextRun(schedule, zone, earliest);
  // Kube-controller-manager says it so of a day that no month has.
  if (!first && schedule.every() == Duration(0)) return too_close();
  if (!first || *first > now) return Missed{};
  const auto second = NextRun(schedule, zone, *first);
  if (!second || *second > now) return Missed{first, false};
  const Duration between = *second - *first;
  if (between < std::chrono::seconds(1)) return too_close();
  // Jumps close to now: years may have been missed, and schedules need not be regular.
  Missed missed{second, (now - *first) / between + 1 > kManyMissed};
  if (schedule.every() > Duration(0)) {
    missed.latest = *first + (now - *first) / between * between;
    return missed;
  }
  TimePoint from = *second;
  for (Duration back = between; from + between < now; back *= 2) {
    const auto late = NextRun(schedule, zone, now - back);
    if (late && *late <= now) {
      from = *late;
      break;
    }
    if (now - back <= *second) break;
  }
  for (std::optional<TimePoint> next = from; next && *next <= now;
       next = NextRun(schedule, zone, *next)) {
    missed.latest = next;
  }
  return missed;
}

std::optional<TimePoint> NextRunSince(TimePoint last, const CronSchedule& schedule,
                                      const TimeZone& zone, TimePoint now) {
  const Duration every = schedule.every();
  if (every == Duration(0)) return NextRun(schedule, zone, now);
  // As in MissedRuns.
  last = std::max(last, now - Seconds(std::numeric_limits<int64_t>::max()));
  const auto first = NextRun(schedule, zone, last);
  if (!first || *first > now) return first;
  const TimePoint latest = *first + (now - *first) / every * every;
  return NextRun(schedule, zone, latest);
}

std::string ZoneOf(const CronJob& cron_job, const CronSchedule& schedule) {
  if (cron_job.spec.schedule.find("TZ") == std::string::npos) {
    return cron_job.spec.time_zone.value_or("");
  }
  if (schedule.zone() == "Local") return "";
  return schedule.zone().empty() ? "UTC" : schedule.zone();
}

std::string EndOf(const Job& job) {
  for (const auto& condition : job.status.conditions) {
    const bool ends = condition.type == "Complete" || condition.type == "Failed";
    if (ends && condition.status == "True") return condition.type;
  }
  return "";
}

Jobs Outdated(const CronJob& cron_job, const Jobs& jobs) {
  Jobs outdated;
  if (const auto& limit = cron_job.spec.successful_jobs_history_limit) {
    AddOutdated(jobs, *limit, "Complete", outdated);
  }
  if (const auto& limit = cron_job.spec.failed_jobs_history_limit) {
    AddOutdated(jobs, *limit, "Failed", outdated);
  }
  return outdated;
}

std::string JobName(const CronJob& cron_job, TimePoint run) {
  const auto minutes =
      std::chrono::duration_cast<std::chrono::minutes>(run.time_since_epoch()).count();
  return fmt::format("{}-{}", cron_job.metadata.name.substr(0, kNameMax), minutes);
}

Job NewJob(const CronJob& cron_job, TimePoint run, const TimeZone& zone) {
  Job job;
  job.metadata.name = JobName(cron_job, run);
  job.metadata.namespace_ = cron_job.metadata.namespace_;
  job.metadata.labels = cron_job.spec.job_template.metadata.labels;
  job.metadata.annotations = cron_job.spec.job_template.metadata.annotations;
  job.spec = cron_job.spec.job_template.spec;
  const auto offset = std::chrono::duration_cast<std::chrono::minutes>(zone.OffsetAt(run)).count();
  std::string text = Time(run + zone.OffsetAt(run)).Rfc3339();
  if (offset != 0) {
    text.pop_back();  // The Z.
    text += fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60,
                        std::abs(offset) % 60);
  }
  job.metadata.annotations[std::string(kScheduledAt)] = text;
  return job;
}

}  // namespace skiff::cron
