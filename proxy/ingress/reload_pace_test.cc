#include "proxy/ingress/reload_pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace skiff::ingress {
namespace {

// Of somebody who asks for one all the time, while workers keep a connection for so long.
std::vector<Duration> ReloadsWithin(ReloadPace& pace, Duration begin, Duration end, Duration life) {
  std::vector<Duration> times;
  const auto seen = [&](Duration now) {
    return static_cast<int>(std::count_if(times.begin(), times.end(),
                                          [&](Duration each) { return each > now - life; }));
  };
  for (Duration now = begin; now < end; now += 50ms) {
    if (now < pace.NotBefore(seen(now))) continue;
    pace.Note(now, 100ms);
    times.push_back(now);
  }
  return times;
}

TEST(ReloadPaceTest, WhereNoConnectionIsOldNobodyWaits) {
  ReloadPace pace;
  const auto times = ReloadsWithin(pace, 0s, 60s, 3s);
  ASSERT_EQ(times.size(), 120u);
  EXPECT_EQ(times.back() - times.front(), 119 * ReloadPace::kPeriodMin);
}

TEST(ReloadPaceTest, TheFirstOnesComeAsFastAsTheyAreAskedFor) {
  ReloadPace pace;
  const auto times = ReloadsWithin(pace, 1h, 1h + 8s, 10min);
  ASSERT_EQ(times.size(), static_cast<size_t>(ReloadPace::kSeenMax));
  EXPECT_EQ(times.back() - times.front(), 15 * ReloadPace::kPeriodMin);
}

TEST(ReloadPaceTest, NobodyWhoAsksWithoutEndCutsAConnectionWithinFiveMinutes) {
  for (const Duration life : std::initializer_list<Duration>{60s, 300s, 600s, 3600s}) {
    ReloadPace pace;
    const auto times = ReloadsWithin(pace, 1h, 2h, life);
    constexpr size_t kWorkersKept = 32;  // mworker-max-reloads
    ASSERT_GT(times.size(), 100u);
    for (size_t i = 0; i + kWorkersKept < times.size(); ++i) {
      // The first of them makes a worker an old one.
      EXPECT_GE(times[i + kWorkersKept] - times[i], std::min<Duration>(life, 5min)) << i;
    }
  }
}

TEST(ReloadPaceTest, WhoseOldConnectionsAreGoneMayHaveManyInARowAgain) {
  ReloadPace pace;
  ASSERT_EQ(ReloadsWithin(pace, 1h, 1h + 8s, 10min).size(), 16u);
  EXPECT_EQ(ReloadsWithin(pace, 1h + 8s, 1h + 12s, 10min).size(), 8u) << "as if they were";
}

TEST(ReloadPaceTest, OnesThatTakeLongTakeAPartOfTheTime) {
  ReloadPace pace;
  pace.Note(1h, 2s);
  EXPECT_EQ(pace.NotBefore(0), 1h + 2s + 4s);
  pace.Note(1h, 4s);
  EXPECT_EQ(pace.NotBefore(0), 1h + 4s + 12s);
  pace.Note(1h, 30s);
  EXPECT_EQ(pace.NotBefore(0), 1h + 30s + ReloadPace::kPeriod)
      << "and nobody waits longer than that";
}

}  // namespace
}  // namespace skiff::ingress
