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

}  // namespace
}  // namespace skiff
