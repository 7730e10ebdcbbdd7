// When a CronJob runs, and what its jobs are called. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/batch_v1.h"
#include "api/text/cron_schedule.h"
#include "api/text/time_zone.h"
#include "client/client.h"

namespace skiff::cron {

using Jobs = std::vector<Ptr<batch_v1::Job>>;

// The first run after `after`. A local time that the zone leaves out has no run, one that it has
// twice has two. nullopt: not within five years.
std::optional<TimePoint> NextRun(const CronSchedule& schedule, const TimeZone& zone,
                                 TimePoint after);

struct Missed {
  std::optional<TimePoint> latest;  // The run that is due; nullopt when none is.
  bool too_many = false;            // More than a hundred: somebody should look.
};
// The runs since the last one, or since the CronJob was made. Fails on schedules that fire more
// than once a second.
Result<Missed> MissedRuns(const batch_v1::CronJob& cron_job, const CronSchedule& schedule,
                          const TimeZone& zone, TimePoint now);

// When the first run after `now` is of what last ran, or was made, at `last`: by the clock, or in
// steps of a period from then on, however late they were taken.
std::optional<TimePoint> NextRunSince(TimePoint last, const CronSchedule& schedule,
                                      const TimeZone& zone, TimePoint now);

// The name of the zone by whose clock it runs; "": that of this machine. A schedule that speaks of
// one itself goes by that alone.
std::string ZoneOf(const batch_v1::CronJob& cron_job, const CronSchedule& schedule);

// "Complete" or "Failed"; "" while it runs.
std::string EndOf(const batch_v1::Job& job);
// Finished jobs beyond the limits of the history.
Jobs Outdated(const batch_v1::CronJob& cron_job, const Jobs& jobs);

std::string JobName(const batch_v1::CronJob& cron_job, TimePoint run);
batch_v1::Job NewJob(const batch_v1::CronJob& cron_job, TimePoint run, const TimeZone& zone);

}  // namespace skiff::cron
