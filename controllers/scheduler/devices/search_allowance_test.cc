#include "controllers/scheduler/devices/search_allowance.h"

#include <gtest/gtest.h>

namespace skiff::scheduler {
namespace {

TEST(SearchAllowancesTest, WhatWasSpentComesBackWithTime) {
  SearchAllowances allowances;
  EXPECT_EQ(allowances.Left("q", 20s, 5s), 20s);
  allowances.Spend("q", 20s, 5s);
  EXPECT_EQ(allowances.Left("q", 20s, 5s), 0s);
  EXPECT_EQ(allowances.Left("q", 20s, 15s), 1s) << "a tenth of the time that has passed";
  EXPECT_EQ(allowances.Left("other", 20s, 15s), 20s);
  allowances.Spend("q", 1s, 15s);
  EXPECT_EQ(allowances.Left("q", 20s, 25s), 1s);
  EXPECT_EQ(allowances.Left("q", 20s, 5000s), 20s);
}

TEST(SearchAllowancesTest, WhatIsOwedIsPaidBack) {
  SearchAllowances allowances;
  allowances.Spend("q", 30s, 0s);
  EXPECT_EQ(allowances.Left("q", 20s, 100s), 0s);
  EXPECT_EQ(allowances.Left("q", 20s, 110s), 1s);
}

// Each cycle that searches in vain holds up all other pods.
TEST(SearchAllowancesTest, HoweverManyAskForSomethingElseTheyDoNotTakeAllTheTime) {
  SearchAllowances allowances;
  Duration now = 0s;
  Duration searched = 0s;
  for (int i = 0; i < 1000; ++i) {
    const std::string question = "q" + std::to_string(i % 100);
    const Duration left = allowances.Left(question, 20s, now);
    EXPECT_TRUE(i >= 3 || left == 20s);
    EXPECT_TRUE(i >= 100 || left >= 100ms);
    now += left;
    searched += left;
    allowances.Spend(question, left, now);
    now += 1s;  // Of other pods.
  }
  EXPECT_LT(searched, 60s + now / 10 + 100 * 100ms);
}

TEST(SearchAllowancesTest, WhoSpentLeastIsForgottenFirst) {
  SearchAllowances allowances;
  allowances.Spend("worst", 20s, 0s);
  for (size_t i = 0; i < 2 * SearchAllowances::kQuestionsMax; ++i) {
    allowances.Spend("q" + std::to_string(i), 1s, 0s);
  }
  EXPECT_EQ(allowances.size(), SearchAllowances::kQuestionsMax);
  EXPECT_EQ(allowances.Left("worst", 20s, 0s), 0s);
  allowances.Spend("new", 1s, 1000s);
  EXPECT_EQ(allowances.size(), 1u) << "of those that have paid nothing need be known";
}

}  // namespace
}  // namespace skiff::scheduler
