#include "skiff/chaos/impairment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace skiff::chaos {
namespace {

constexpr int kPackets = 10000;

std::vector<Fate> FatesOf(const Impairment& impairment, Duration apart = 1ms) {
  SeededRandom random(7);
  Impaired impaired(impairment, random);
  std::vector<Fate> fates;
  for (int i = 0; i < kPackets; ++i) fates.push_back(impaired.Decide(i * apart, 1000));
  return fates;
}

int64_t CountOf(const std::vector<Fate>& fates, bool Fate::* what) {
  return std::count_if(fates.begin(), fates.end(), [&](const Fate& fate) { return fate.*what; });
}

TEST(ImpairmentTest, AGoodLinkChangesNothing) {
  const auto fates = FatesOf({});
  for (int i = 0; i < kPackets; ++i) ASSERT_EQ(fates[i].due, i * 1ms);
  EXPECT_EQ(CountOf(fates, &Fate::is_lost) + CountOf(fates, &Fate::is_doubled), 0);
}

TEST(ImpairmentTest, LosesAndDoublesTheirShare) {
  const auto fates = FatesOf({.loss = 10, .duplicate = 20});
  EXPECT_NEAR(CountOf(fates, &Fate::is_lost), 1000, 150);
  EXPECT_NEAR(CountOf(fates, &Fate::is_doubled), 1800, 200);
  EXPECT_EQ(CountOf(FatesOf({.loss = 100}), &Fate::is_lost), kPackets);
}

TEST(ImpairmentTest, TheDelayVariesEitherWay) {
  const auto fates = FatesOf({.delay = 100ms, .jitter = 20ms});
  Duration least = kNever, most = 0ns;
  for (int i = 0; i < kPackets; ++i) {
    least = std::min(least, fates[i].due - i * 1ms);
    most = std::max(most, fates[i].due - i * 1ms);
  }
  EXPECT_GE(least, 80ms);
  EXPECT_LT(least, 81ms);
  EXPECT_LE(most, 120ms);
  EXPECT_GT(most, 119ms);
}

TEST(ImpairmentTest, SomeOvertakeTheDelayed) {
  const auto fates = FatesOf({.delay = 100ms, .reorder = 25});
  int at_once = 0;
  for (int i = 0; i < kPackets; ++i) at_once += fates[i].due == i * 1ms ? 1 : 0;
  EXPECT_NEAR(at_once, 2500, 200);
}

TEST(ImpairmentTest, ARateHoldsUpWhatComesFaster) {
  // 1000 bytes take 8 ms at a megabit a second; a burst waits in line.
  const auto burst = FatesOf({.delay = 5ms, .rate_bits = 1'000'000}, 0ms);
  for (int i = 0; i < kPackets; ++i) ASSERT_EQ(burst[i].due, (i + 1) * 8ms + 5ms);
  // What comes slower waits for nothing but its own length.
  const auto slow = FatesOf({.rate_bits = 1'000'000}, 20ms);
  for (int i = 0; i < kPackets; ++i) ASSERT_EQ(slow[i].due, i * 20ms + 8ms);
}

}  // namespace
}  // namespace skiff::chaos
