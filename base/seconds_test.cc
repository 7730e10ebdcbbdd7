#include "base/seconds.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

TEST(Seconds, AreWhatTheyWere) {
  EXPECT_EQ(Seconds(0), 0s);
  EXPECT_EQ(Seconds(-30), -30s);
  EXPECT_EQ(Seconds(std::numeric_limits<int32_t>::max()), 2'147'483'647s);
}

TEST(Seconds, SaturateWhereAMomentCanStillBeMovedByThem) {
  const TimePoint now(1'800'000'000s);
  EXPECT_GT(Seconds(kMost), 99 * 365 * 24h);
  EXPECT_LT(Seconds(kLeast), -99 * 365 * 24h);
  EXPECT_GT(now + Seconds(kMost), now);
  EXPECT_LT(now + Seconds(kLeast), now);
  EXPECT_LT(Seconds(kMost), kNever);
  static_assert(Seconds(kMost) == -Seconds(kLeast));
}

TEST(Moments, AreMovedNoFurtherThanTheyGo) {
  const TimePoint now(1'800'000'000s);
  EXPECT_EQ(Later(now, 5s), now + 5s);
  EXPECT_EQ(Later(now, -5s), now - 5s);
  EXPECT_EQ(Later(TimePoint::max(), 1ns), TimePoint::max());
  EXPECT_EQ(Later(TimePoint::max(), -1ns), TimePoint::max() - 1ns);
  EXPECT_EQ(Later(TimePoint::min(), -1ns), TimePoint::min());
  EXPECT_EQ(Later(now, kNever), TimePoint::max());
}

TEST(Moments, AreNoFurtherApartThanADurationSays) {
  const TimePoint now(1'800'000'000s);
  EXPECT_EQ(Between(now, now + 5s), 5s);
  EXPECT_EQ(Between(now + 5s, now), -5s);
  EXPECT_EQ(Between(TimePoint::min(), now), Duration::max());
  EXPECT_EQ(Between(TimePoint::max(), TimePoint::min()), Duration::min());
  EXPECT_EQ(Between(now, TimePoint::max()), TimePoint::max() - now);
}

}  // namespace
}  // namespace skiff
