#include "skiff/process_start.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace skiff {
namespace {

TEST(ProcessStartTest, AProcessBeganAtTheSameMomentHoweverOftenItIsAsked) {
  const ProcessId self = IdentifyProcess(getpid()).value();
  const auto begun = StartOf(self);
  ASSERT_TRUE(begun);
  const auto ago = SystemClock().Now() - *begun;
  EXPECT_GE(ago, 0s);
  EXPECT_LT(ago, 1h);
  // Longer than the steps that the time since boot is told in.
  const TimePoint until = SystemClock().Now() + 20ms;
  do {
    ASSERT_EQ(StartOf(self), begun);
  } while (SystemClock().Now() < until);
}

}  // namespace
}  // namespace skiff
