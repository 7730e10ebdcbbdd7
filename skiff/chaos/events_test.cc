#include "skiff/chaos/events.h"

#include <gtest/gtest.h>

namespace skiff::chaos {
namespace {

TEST(ChaosEventsTest, IsToldUntilItIsHeard) {
  FakeClock clock;
  int told = 0, paused = 0;
  const auto pause = [&] {
    ++paused;
    clock.Advance(1s);
    return true;
  };
  TellUntilHeard(
      clock, [&] { return ++told == 3; }, pause);
  EXPECT_EQ(told, 3);
  EXPECT_EQ(paused, 2);
}

// The API may be where nobody answers, not even by refusing.
TEST(ChaosEventsTest, IsGivenUpInTimeHoweverLongAnAttemptTakes) {
  FakeClock clock;
  const Duration begin = clock.Monotonic();
  const auto tell = [&] {
    clock.Advance(5s);
    return false;
  };
  const auto pause = [&] {
    clock.Advance(1s);
    return true;
  };
  TellUntilHeard(clock, tell, pause);
  EXPECT_LE(clock.Monotonic() - begin, kTellingMax + 6s);
  int told = 0;
  TellUntilHeard(
      clock,
      [&] {
        ++told;
        return false;
      },
      [] { return false; });
  EXPECT_EQ(told, 1) << "somebody asks for the end";
}

}  // namespace
}  // namespace skiff::chaos
