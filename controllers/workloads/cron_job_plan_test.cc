#include "controllers/workloads/cron_job_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace skiff::cron {
namespace {

using batch_v1::CronJob;
using testing::ElementsAre;

// The content of a zone file that has a rule alone, as slim files of zones do that never changed
// otherwise.
std::string ZoneFile(const std::string& rule) {
  const auto number = [](uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  const auto header = [&](uint32_t types, uint32_t letters) {
    return "TZif2" + std::string(15, '\0') + number(0) + number(0) + number(0) + number(0) +
           number(types) + number(letters);
  };
  const std::string type = number(3600) + std::string(2, '\0');
  return header(1, 1) + type + std::string(1, '\0') + header(1, 1) + type +
         std::string(1, '\0') + "\n" + rule + "\n";
}

TimeZone Berlin() {
  return TimeZone::Parse(ZoneFile("CET-1CEST,M3.5.0,M10.5.0/3")).value();
}

TimePoint At(const std::string& text) {
  return Time::Parse(text).value().point();
}

std::string Next(const std::string& schedule, const TimeZone& zone, const std::string& after) {
  const auto run = NextRun(CronSchedule::Parse(schedule).value(), zone, At(after));
  return run ? Time(*run).Rfc3339() : "never";
}

CronJob CronJobOf(const std::string& created) {
  CronJob cron_job;
  cron_job.metadata.name = "often";
  cron_job.metadata.namespace_ = "default";
  cron_job.metadata.creation_timestamp = Time(At(created));
  return cron_job;
}

std::string Latest(const CronJob& cron_job, const std::string& schedule, const std::string& now) {
  const auto missed = MissedRuns(cron_job, CronSchedule::Parse(schedule).value(), TimeZone::Utc(),
                                 At(now));
  if (!missed) return missed.error().message;
  if (!missed->latest) return "none";
  return Time(*missed->latest).Rfc3339() + (missed->too_many ? " and many before" : "");
}

TEST(TimeZoneTest, SummerBeginsAndEndsByTheRule) {
  const TimeZone zone = Berlin();
  EXPECT_EQ(zone.OffsetAt(At("2024-01-15T00:00:00Z")), 1h);
  EXPECT_EQ(zone.OffsetAt(At("2024-07-15T00:00:00Z")), 2h);
  EXPECT_EQ(zone.NextChange(At("2024-01-15T00:00:00Z")), At("2024-03-31T01:00:00Z"));
  EXPECT_EQ(zone.NextChange(At("2024-07-15T00:00:00Z")), At("2024-10-27T01:00:00Z"));
}

TEST(TimeZoneTest, TheFirstAndTheLastMomentsHaveClocksToo) {
  const TimeZone zone = Berlin();
  EXPECT_EQ(zone.OffsetAt(TimePoint::min()), 1h);
  EXPECT_EQ(zone.OffsetAt(At("2262-01-01T00:00:00Z")), 1h);
  EXPECT_EQ(zone.NextChange(At("2262-01-01T00:00:00Z")), TimePoint::max());
}

TEST(TimeZoneTest, RulesOfTheSouthAndWithoutSummerAreReadToo) {
  const auto sydney = TimeZone::Parse(ZoneFile("AEST-10AEDT,M10.1.0,M4.1.0/3")).value();
  EXPECT_EQ(sydney.OffsetAt(At("2024-01-15T00:00:00Z")), 11h);
  EXPECT_EQ(sydney.OffsetAt(At("2024-07-15T00:00:00Z")), 10h);
  const auto kathmandu = TimeZone::Parse(ZoneFile("<+0545>-5:45")).value();
  EXPECT_EQ(kathmandu.OffsetAt(At("2024-07-15T00:00:00Z")), 5h + 45min);
  EXPECT_EQ(kathmandu.NextChange(At("2024-07-15T00:00:00Z")), TimePoint::max());
}

TEST(TimeZoneTest, WhatIsNoZoneIsRefused) {
  EXPECT_FALSE(TimeZone::Parse("TZif"));
  EXPECT_FALSE(TimeZone::Parse(ZoneFile("").substr(0, 60)));
  EXPECT_FALSE(TimeZone::Load("../../etc/passwd"));
  EXPECT_FALSE(TimeZone::Load("Nowhere/Atlantis"));
}

TEST(CronJobPlanTest, RunsAreInTheTimeOfTheZone) {
  EXPECT_EQ(Next("0 12 * * *", TimeZone::Utc(), "2024-07-15T00:00:00Z"), "2024-07-15T12:00:00Z");
  EXPECT_EQ(Next("0 12 * * *", Berlin(), "2024-07-15T00:00:00Z"), "2024-07-15T10:00:00Z");
  EXPECT_EQ(Next("0 12 * * *", Berlin(), "2024-01-15T00:00:00Z"), "2024-01-15T11:00:00Z");
}

TEST(CronJobPlanTest, ATimeThatIsLeftOutHasNoRun) {
  EXPECT_EQ(Next("30 2 * * *", Berlin(), "2024-03-30T12:00:00Z"), "2024-04-01T00:30:00Z");
}

TEST(CronJobPlanTest, ATimeThatComesTwiceRunsTwice) {
  EXPECT_EQ(Next("30 2 * * *", Berlin(), "2024-10-26T12:00:00Z"), "2024-10-27T00:30:00Z");
  EXPECT_EQ(Next("30 2 * * *", Berlin(), "2024-10-27T00:30:00Z"), "2024-10-27T01:30:00Z");
  EXPECT_EQ(Next("30 2 * * *", Berlin(), "2024-10-27T01:30:00Z"), "2024-10-28T01:30:00Z");
}

TEST(CronJobPlanTest, ADateThatNeverComesHasNoRun) {
  EXPECT_EQ(Next("0 0 31 2 *", TimeZone::Utc(), "2024-01-01T00:00:00Z"), "never");
}

TEST(CronJobPlanTest, EveryCountsFromTheLastRun) {
  EXPECT_EQ(Next("@every 90s", TimeZone::Utc(), "2024-01-01T00:00:10Z"), "2024-01-01T00:01:40Z");
  auto cron_job = CronJobOf("2024-01-01T00:00:10Z");
  EXPECT_EQ(Latest(cron_job, "@every 90s", "2024-01-01T00:06:00Z"), "2024-01-01T00:04:40Z");
}

TEST(CronJobPlanTest, APeriodIsNoLongerWhereARunWasLate) {
  const auto next = [](const std::string& schedule, const std::string& last,
                       const std::string& now) {
    return NextRunSince(At(last), CronSchedule::Parse(schedule).value(), TimeZone::Utc(), At(now));
  };
  const std::string made = "2026-01-01T00:00:00Z";
  EXPECT_EQ(next("@every 1m", made, "2026-01-01T00:00:07Z"), At("2026-01-01T00:01:00Z"));
  EXPECT_EQ(next("@every 1m", made, "2026-01-01T00:01:00Z"), At("2026-01-01T00:02:00Z"));
  EXPECT_EQ(next("@every 1m", made, "2026-01-01T00:03:59Z"), At("2026-01-01T00:04:00Z"));
  EXPECT_EQ(next("* * * * *", made, "2026-01-01T00:03:59Z"), At("2026-01-01T00:04:00Z"));
  EXPECT_EQ(next("@every 2000000h", made, "2026-01-01T00:00:07Z"),
            At(made) + std::chrono::hours(2000000));
}

// Nanoseconds since 1970 end in 2262: what would come later is no time of the past.
TEST(CronJobPlanTest, APeriodAsLongAsTimeItselfHasNoRun) {
  EXPECT_EQ(Next("@every 9223372036s", TimeZone::Utc(), "2024-01-01T00:00:00Z"), "never");
  EXPECT_EQ(Next("@every 876000h", TimeZone::Utc(), "2024-01-01T00:00:00Z"),
            "2123-12-08T00:00:00Z");
  const auto cron_job = CronJobOf("2024-01-01T00:00:00Z");
  EXPECT_EQ(Latest(cron_job, "@every 9223372036s", "2024-01-02T00:00:00Z"), "none");
}

TEST(CronJobPlanTest, WhenItLastRanMayBeAnyTime) {
  auto cron_job = CronJobOf("2024-01-01T00:00:00Z");
  cron_job.status.last_schedule_time = Time(TimePoint::max());
  EXPECT_EQ(Latest(cron_job, "@every 1h", "2024-01-02T00:00:00Z"), "none");
  EXPECT_EQ(Latest(cron_job, "* * * * *", "2024-01-02T00:00:00Z"), "none");
  cron_job.status.last_schedule_time = Time(TimePoint::min());
  EXPECT_EQ(Latest(cron_job, "@every 24h", "2024-01-02T00:00:00Z"),
            "2024-01-02T00:00:00Z and many before");
}

TEST(CronJobPlanTest, OfSeveralMissedRunsTheLatestCounts) {
  const auto cron_job = CronJobOf("2024-01-01T00:00:30Z");
  EXPECT_EQ(Latest(cron_job, "*/10 * * * *", "2024-01-01T00:09:59Z"), "none");
  EXPECT_EQ(Latest(cron_job, "*/10 * * * *", "2024-01-01T00:10:00Z"), "2024-01-01T00:10:00Z");
  EXPECT_EQ(Latest(cron_job, "*/10 * * * *", "2024-01-01T00:47:00Z"), "2024-01-01T00:40:00Z");
}

TEST(CronJobPlanTest, OfADateThatNeverComesItIsSaid) {
  const auto cron_job = CronJobOf("2024-01-01T00:00:00Z");
  EXPECT_EQ(Latest(cron_job, "0 0 31 2 *", "2024-03-01T00:00:00Z"),
            "time difference between two schedules is less than 1 second");
  EXPECT_EQ(Latest(cron_job, "0 0 29 2 *", "2024-01-02T00:00:00Z"), "none");
  EXPECT_EQ(Latest(cron_job, "@every 9223372036s", "2024-01-02T00:00:00Z"), "none");
}

TEST(CronJobPlanTest, MoreThanAHundredAreToldButTheLatestStillRuns) {
  const auto cron_job = CronJobOf("2024-01-01T00:00:00Z");
  EXPECT_EQ(Latest(cron_job, "* * * * *", "2024-03-01T00:00:30Z"),
            "2024-03-01T00:00:00Z and many before");
  // An irregular one: minutes of one day of the year.
  EXPECT_EQ(Latest(cron_job, "* * 1 1 *", "2024-06-01T00:00:00Z"),
            "2024-01-01T23:59:00Z and many before");
}

TEST(CronJobPlanTest, TheDeadlineLimitsHowFarBackIsLooked) {
  auto cron_job = CronJobOf("2024-01-01T00:00:00Z");
  cron_job.status.last_schedule_time = Time(At("2024-01-01T00:10:00Z"));
  EXPECT_EQ(Latest(cron_job, "*/10 * * * *", "2024-01-01T00:29:00Z"), "2024-01-01T00:20:00Z");
  cron_job.spec.starting_deadline_seconds = 60;
  EXPECT_EQ(Latest(cron_job, "*/10 * * * *", "2024-01-01T00:29:00Z"), "none");
}

TEST(CronJobPlanTest, ADeadlineLongerThanAnyTimeLosesNoRun) {
  auto cron_job = CronJobOf("2024-01-01T00:00:00Z");
  cron_job.spec.starting_deadline_seconds = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Latest(cron_job, "*/10 * * * *", "2024-01-01T00:29:00Z"), "2024-01-01T00:20:00Z");
}

TEST(CronJobPlanTest, AJobIsNamedAfterItsMinuteAndKnowsItsLocalTime) {
  CronJob cron_job = CronJobOf("2024-01-01T00:00:00Z");
  cron_job.spec.job_template.metadata.labels["a"] = "b";
  const auto job = NewJob(cron_job, At("2024-07-15T10:00:00Z"), Berlin());
  EXPECT_EQ(job.metadata.name, "often-28683960");
  EXPECT_EQ(job.metadata.labels.at("a"), "b");
  EXPECT_EQ(job.metadata.annotations.at("batch.kubernetes.io/cronjob-scheduled-timestamp"),
            "2024-07-15T12:00:00+02:00");
}

TEST(CronJobPlanTest, TheOldestJobsBeyondTheHistoryGo) {
  CronJob cron_job = CronJobOf("2024-01-01T00:00:00Z");
  cron_job.spec.successful_jobs_history_limit = 1;
  cron_job.spec.failed_jobs_history_limit = 0;
  Jobs jobs;
  const auto add = [&](const std::string& name, const std::string& end, int start) {
    auto job = std::make_shared<batch_v1::Job>();
    job->metadata.name = name;
    job->status.start_time = Time(TimePoint(std::chrono::seconds(start)));
    if (!end.empty()) {
      auto& condition = job->status.conditions.emplace_back();
      condition.type = end;
      condition.status = "True";
    }
    jobs.push_back(job);
  };
  add("new", "Complete", 3);
  add("old", "Complete", 1);
  add("older", "Complete", 2);
  add("failed", "Failed", 9);
  add("running", "", 0);
  std::vector<std::string> names;
  for (const auto& job : Outdated(cron_job, jobs)) names.push_back(job->metadata.name);
  EXPECT_THAT(names, ElementsAre("old", "older", "failed"));
}

TEST(ZoneOfTest, AScheduleThatSpeaksOfAZoneGoesByIt) {
  batch_v1::CronJob cron_job;
  const auto zone = [&](const std::string& schedule) {
    cron_job.spec.schedule = schedule;
    return ZoneOf(cron_job, *CronSchedule::Parse(schedule));
  };
  EXPECT_EQ(zone("* * * * *"), "");
  cron_job.spec.time_zone = "Asia/Tokyo";
  EXPECT_EQ(zone("* * * * *"), "Asia/Tokyo");
  EXPECT_EQ(zone("TZ=UTC * * * * *"), "UTC");
  EXPECT_EQ(zone("CRON_TZ=Local * * * * *"), "");
}

}  // namespace
}  // namespace skiff::cron
