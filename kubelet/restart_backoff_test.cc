#include "kubelet/restart_backoff.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

TEST(RestartBackoffTest, DoublesUpToFiveMinutesAndForgetsInTime) {
  RestartBackoff backoff;
  EXPECT_EQ(backoff.Left("a", 0s, 0s), 0s);
  backoff.Next("a", 0s);
  EXPECT_EQ(backoff.Left("a", 0s, 4s), 6s);
  Duration failed_at = 0s;
  for (int i = 0; i < 8; ++i) backoff.Next("a", failed_at += 1s);
  EXPECT_EQ(backoff.Delay("a"), 300s);
  backoff.Next("a", failed_at + 300s + 601s);
  EXPECT_EQ(backoff.Delay("a"), 10s);
}

TEST(RestartBackoffTest, DurationsPrintAsGoPrintsThem) {
  EXPECT_EQ(GoDuration(10s), "10s");
  EXPECT_EQ(GoDuration(80s), "1m20s");
  EXPECT_EQ(GoDuration(300s), "5m0s");
}

}  // namespace
}  // namespace skiff::kubelet
