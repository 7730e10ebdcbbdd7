#include "controllers/retry_plan.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

constexpr auto kRefused = RetryPlan::Failure::kRefused;
constexpr auto kUnanswered = RetryPlan::Failure::kUnanswered;
const ObjectKey kSecret{"default", "s"};

TEST(RetryPlan, WhatIsNeverAnsweredIsTriedEverMoreRarely) {
  RetryPlan plan;
  EXPECT_EQ(plan.UntilNext(0s), kNever);
  int tries = 0;
  for (Duration now = 0s; now < 24h; now += 1s) {
    if (!plan.IsDue(kSecret, "1", now)) continue;
    ++tries;
    EXPECT_TRUE(plan.Failed(kSecret, "1", now, kUnanswered));
    EXPECT_LE(plan.UntilNext(now), 10min);
  }
  EXPECT_LT(tries, 24 * 6 + 20);
  EXPECT_GT(tries, 24 * 6);
}

TEST(RetryPlan, WhatIsRefusedAgainAndAgainIsLeftUntilItChanges) {
  RetryPlan plan;
  int tries = 0;
  const auto wait_a_day = [&](const char* version) {
    for (Duration now = 0s; now < 24h; now += 1s) {
      if (!plan.IsDue(kSecret, version, now)) continue;
      ++tries;
      EXPECT_EQ(plan.Failed(kSecret, version, now, kRefused), tries <= RetryPlan::kRetriesMax);
    }
  };
  wait_a_day("1");
  EXPECT_EQ(tries, 1 + RetryPlan::kRetriesMax);
  EXPECT_EQ(plan.UntilNext(24h), kNever);
  tries = 0;
  wait_a_day("2");
  EXPECT_EQ(tries, 1 + RetryPlan::kRetriesMax);
}

TEST(RetryPlan, ItIsLeftAfterTenRetriesWithinSeconds) {
  RetryPlan plan;
  Duration now = 0s;
  while (plan.Failed(kSecret, "1", now, kRefused)) now += plan.UntilNext(now);
  EXPECT_EQ(now, 5ms * 1023);
}

TEST(RetryPlan, ANewVersionIsTriedAtOnceAndBeginsAnew) {
  RetryPlan plan;
  plan.Failed(kSecret, "1", 0s, kRefused);
  plan.Failed(kSecret, "1", 5ms, kRefused);
  EXPECT_FALSE(plan.IsDue(kSecret, "1", 10ms));
  EXPECT_TRUE(plan.IsDue(kSecret, "2", 10ms));
  plan.Failed(kSecret, "2", 10ms, kRefused);
  EXPECT_EQ(plan.UntilNext(10ms), 5ms);
  EXPECT_TRUE(plan.IsDue(kSecret, "2", 15ms));
}

TEST(RetryPlan, OthersDoNotWaitForIt) {
  RetryPlan plan;
  plan.Failed(kSecret, "1", 0s, kRefused);
  EXPECT_TRUE(plan.IsDue({"default", "t"}, "1", 0s));
  plan.Forget(kSecret);
  EXPECT_TRUE(plan.IsDue(kSecret, "1", 0s));
  EXPECT_EQ(plan.UntilNext(0s), kNever);
}

}  // namespace
}  // namespace skiff
