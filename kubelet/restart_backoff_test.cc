#include "kubelet/restart_backoff.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

TEST(RestartBackoffTest, DoublesUpToFiveMinutesAndForgetsInTime) {
  RestartBackoff backoff;
  EXPECT_EQ(backoff.Left("a", 0s, 0s), 0s);
  backoff.Next("a", 0s, 0s);
  EXPECT_EQ(backoff.Left("a", 0s, 4s), 6s);
  Duration failed_at = 0s;
  for (int i = 0; i < 8; ++i) {
    failed_at += 1s;
    backoff.Next("a", failed_at, failed_at);
  }
  EXPECT_EQ(backoff.Delay("a"), 300s);
  backoff.Next("a", failed_at + 601s, failed_at + 601s);
  EXPECT_EQ(backoff.Delay("a"), 10s);
}

TEST(RestartBackoffTest, WhatHasRunForLongIsTriedAgainAtOnce) {
  RestartBackoff backoff;
  Duration now = 0s;
  for (int i = 0; i < 8; ++i) {
    now += 300s;
    backoff.Next("a", now, now);
  }
  EXPECT_EQ(backoff.Left("a", now + 600s, now + 600s), 300s);
  EXPECT_EQ(backoff.Left("a", now + 601s, now + 601s), 0s);
}

TEST(RestartBackoffTest, DurationsPrintAsGoPrintsThem) {
  EXPECT_EQ(GoDuration(10s), "10s");
  EXPECT_EQ(GoDuration(80s), "1m20s");
  EXPECT_EQ(GoDuration(300s), "5m0s");
}

}  // namespace
}  // namespace skiff::kubelet
