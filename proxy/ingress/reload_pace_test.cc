#include "proxy/ingress/reload_pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace skiff::ingress {
namespace {

// Of somebody who asks for one all the time.
std::vector<Duration> ReloadsWithin(ReloadPace& pace, Duration begin, Duration end) {
  std::vector<Duration> times;
  for (Duration now = begin; now < end; now = std::max(now + 50ms, pace.NotBefore())) {
    pace.Note(now);
    times.push_back(now);
  }
  return times;
}

TEST(ReloadPaceTest, TheFirstOnesComeAsFastAsTheyAreAskedFor) {
  ReloadPace pace;
  const auto times = ReloadsWithin(pace, 1h, 1h + 8s);
  ASSERT_EQ(times.size(), static_cast<size_t>(ReloadPace::kInARowMax));
  EXPECT_EQ(times.back() - times.front(), 15 * ReloadPace::kPeriodMin);
}

TEST(ReloadPaceTest, NobodyWhoAsksWithoutEndCutsAConnectionWithinFiveMinutes) {
  ReloadPace pace;
  const auto times = ReloadsWithin(pace, 1h, 3h);
  constexpr size_t kWorkersKept = 32;  // mworker-max-reloads
  ASSERT_GT(times.size(), 100u);
  for (size_t i = 0; i + kWorkersKept < times.size(); ++i) {
    EXPECT_GE(times[i + kWorkersKept] - times[i], 5min) << i;
  }
}

TEST(ReloadPaceTest, WhoHasWaitedMayHaveManyInARowAgain) {
  ReloadPace pace;
  ReloadsWithin(pace, 1h, 2h);
  EXPECT_EQ(ReloadsWithin(pace, 3h, 3h + 8s).size(), static_cast<size_t>(ReloadPace::kInARowMax));
}

}  // namespace
}  // namespace skiff::ingress
