#include "api/text/cron_schedule.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using namespace std::chrono;

local_time<minutes> At(int y, unsigned m, unsigned d, int hour = 0, int minute = 0) {
  return local_days(year(y) / month(m) / day(d)) + hours(hour) + minutes(minute);
}

CronSchedule Parsed(std::string_view text) {
  return CronSchedule::Parse(text).value();
}

std::string FaultOf(std::string_view text) {
  return CronSchedule::Parse(text).error().message;
}

TEST(CronSchedule, MatchesEveryFifteenMinutesOfWorkingHours) {
  const CronSchedule schedule = Parsed("*/15 8-17 * * MON-fri");
  EXPECT_TRUE(schedule.Matches(At(2026, 1, 5, 8, 15)));
  EXPECT_FALSE(schedule.Matches(At(2026, 1, 5, 8, 16)));
  EXPECT_FALSE(schedule.Matches(At(2026, 1, 4, 8, 15)));  // Sunday.
}

TEST(CronSchedule, EitherDayMatchesUnlessOneIsAStar) {
  const CronSchedule either = Parsed("0 0 13 * 5");
  EXPECT_TRUE(either.Matches(At(2026, 1, 13)));
  EXPECT_TRUE(either.Matches(At(2026, 1, 9)));
  const CronSchedule both = Parsed("0 0 13 * *");
  EXPECT_FALSE(both.Matches(At(2026, 1, 9)));
}

TEST(CronSchedule, FindsTheNextRun) {
  EXPECT_EQ(Parsed("@monthly").Next(At(2026, 1, 5, 8, 15)), At(2026, 2, 1));
  EXPECT_EQ(Parsed("30 2 29 2 *").Next(At(2026, 1, 1)), At(2028, 2, 29, 2, 30));
  const auto never = At(2026, 1, 1);
  EXPECT_EQ(Parsed("0 0 31 2 *").Next(never), never);
  EXPECT_EQ(Parsed(", * * * *").Next(never), never);
  EXPECT_EQ(Parsed("* , * * *").Next(never), never);
}

TEST(CronSchedule, RunsEverySoOften) {
  EXPECT_EQ(Parsed("@every 1h30m").every(), 90min);
  EXPECT_EQ(Parsed("@every 10ms").every(), 1s);
}

TEST(CronSchedule, TakesOffTheZone) {
  EXPECT_EQ(Parsed("CRON_TZ=UTC 0 0 * * *").zone(), "UTC");
}

TEST(CronSchedule, SaysWhatIsWrong) {
  EXPECT_EQ(FaultOf(""), "empty spec string");
  EXPECT_EQ(FaultOf("* * * *"), "expected exactly 5 fields, found 4: [* * * *]");
  EXPECT_EQ(FaultOf("60 * * * *"), "end of range (60) above maximum (59): 60");
  EXPECT_EQ(FaultOf("* * 0 * *"), "beginning of range (0) below minimum (1): 0");
  EXPECT_EQ(FaultOf("5-1 * * * *"), "beginning of range (5) beyond end of range (1): 5-1");
  EXPECT_EQ(FaultOf("1-2-3 * * * *"), "too many hyphens: 1-2-3");
  EXPECT_EQ(FaultOf("*/0 * * * *"), "step of range should be a positive number: */0");
  EXPECT_EQ(FaultOf("x * * * *"),
            "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax");
  EXPECT_EQ(FaultOf("@often"), "unrecognized descriptor: @often");
}

TEST(TimeZone, IsOneOfTheDatabase) {
  EXPECT_TRUE(IsKnownTimeZone("UTC"));
  EXPECT_FALSE(IsKnownTimeZone("Nowhere/City"));
  EXPECT_FALSE(IsKnownTimeZone("../../etc/passwd"));
}

}  // namespace
}  // namespace skiff
