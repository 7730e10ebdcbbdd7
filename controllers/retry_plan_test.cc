#include "controllers/retry_plan.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

const ObjectKey kSecret{"default", "s"};

TEST(RetryPlan, WhatNeverSucceedsIsTriedEverMoreRarely) {
  RetryPlan plan;
  EXPECT_EQ(plan.UntilNext(0s), kNever);
  int tries = 0;
  for (Duration now = 0s; now < 24h; now += 1s) {
    if (!plan.IsDue(kSecret, "1", now)) continue;
    ++tries;
    plan.Failed(kSecret, "1", now);
    EXPECT_LE(plan.UntilNext(now), 10min);
  }
  EXPECT_LT(tries, 24 * 6 + 10);
  EXPECT_GT(tries, 24 * 6);
}

TEST(RetryPlan, ANewVersionIsTriedAtOnceAndBeginsAnew) {
  RetryPlan plan;
  plan.Failed(kSecret, "1", 0s);
  plan.Failed(kSecret, "1", 5s);
  EXPECT_FALSE(plan.IsDue(kSecret, "1", 10s));
  EXPECT_TRUE(plan.IsDue(kSecret, "2", 10s));
  plan.Failed(kSecret, "2", 10s);
  EXPECT_EQ(plan.UntilNext(10s), 5s);
  EXPECT_TRUE(plan.IsDue(kSecret, "2", 15s));
}

TEST(RetryPlan, OthersDoNotWaitForIt) {
  RetryPlan plan;
  plan.Failed(kSecret, "1", 0s);
  EXPECT_TRUE(plan.IsDue({"default", "t"}, "1", 0s));
  plan.Forget(kSecret);
  EXPECT_TRUE(plan.IsDue(kSecret, "1", 0s));
  EXPECT_EQ(plan.UntilNext(0s), kNever);
}

}  // namespace
}  // namespace skiff
