#include "apiserver/flow_control/timed_ratio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::flow_control {
namespace {

using testing::ElementsAre;

constexpr double kHalves[] = {0, 0.5, 1};

TEST(TimedRatio, CountsTheTimeForWhichItWasInABucket) {
  TimedRatio ratio(kHalves, 10ns);
  ratio.Set(15ns, 3, 6);
  ratio.Set(18ns, 3, 6);
  ratio.Set(22ns, 12, 6);
  const HistogramSample read = ratio.Read(24ns);
  EXPECT_THAT(read.counts, ElementsAre(5, 7, 0, 2));
  EXPECT_EQ(read.sum, 7 * 0.5 + 2 * 2.0);
  EXPECT_THAT(ratio.Read(25ns).counts, ElementsAre(5, 7, 0, 3)) << "nothing is counted twice";
}

TEST(TimedRatio, WhatHasNoLimitIsNoFraction) {
  TimedRatio ratio(kHalves, 0ns);
  ratio.Set(0ns, 2, 0);
  EXPECT_THAT(ratio.Read(4ns).counts, ElementsAre(0, 0, 0, 4));
  EXPECT_EQ(ratio.Read(4ns).sum, 8);
}

}  // namespace
}  // namespace skiff::flow_control
