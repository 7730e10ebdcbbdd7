#include "client/rate_limit.h"

#include <gtest/gtest.h>

#include <thread>

namespace skiff {
namespace {

// How long each of `count` has to wait that all come now.
std::vector<Duration> WaitsOf(TokenBucket& bucket, int count, Duration now) {
  std::vector<Duration> waits;
  for (int i = 0; i < count; ++i) waits.push_back(bucket.Take(now));
  return waits;
}

TEST(TokenBucketTest, LetsABurstThroughAndThenSoManyASecond) {
  TokenBucket bucket({.qps = 20, .burst = 3});
  EXPECT_EQ(WaitsOf(bucket, 5, 0s), (std::vector<Duration>{0s, 0s, 0s, 50ms, 100ms}));
  // Those two are taken of the time that has passed, and no more than the burst is kept.
  EXPECT_EQ(WaitsOf(bucket, 2, 150ms), (std::vector<Duration>{0s, 50ms}));
  EXPECT_EQ(WaitsOf(bucket, 4, 1h), (std::vector<Duration>{0s, 0s, 0s, 50ms}));
}

TEST(TokenBucketTest, WithoutARateIsClientGosOwn) {
  TokenBucket bucket({.qps = 0, .burst = 0});
  const auto waits = WaitsOf(bucket, 11, 0s);
  EXPECT_EQ(waits[9], 0s);
  EXPECT_EQ(waits[10], 200ms);
  TokenBucket with_burst({.qps = 0, .burst = 1});
  EXPECT_EQ(WaitsOf(with_burst, 2, 0s), (std::vector<Duration>{0s, 200ms}));
}

TEST(RateLimitTest, WhatNothingWouldPassIsRefused) {
  EXPECT_TRUE(CheckRateLimit({.qps = 20, .burst = 30}));
  EXPECT_TRUE(CheckRateLimit({.qps = -1, .burst = 0}));
  EXPECT_TRUE(CheckRateLimit({.qps = 0, .burst = 0}));
  EXPECT_EQ(CheckRateLimit({.qps = 1, .burst = 0}).error().message,
            "burst is required to be greater than 0 when RateLimiter is not set and QPS is set to "
            "greater than 0");
  EXPECT_FALSE(CheckRateLimit({.qps = 0, .burst = -1}));
}

class LimitedTransportTest : public ::testing::Test {
 protected:
  http::Request Get() {
    http::Request request;
    request.method = "GET";
    request.path = "/version";
    return request;
  }

  SystemClock clock_;
  std::atomic<int> sent_ = 0;
  InProcessTransport below_{[this](const http::Request&) {
    ++sent_;
    return http::Response();
  }};
};

TEST_F(LimitedTransportTest, WhoWaitsForHisTurnIsAnsweredWhenItCloses) {
  LimitedTransport limited(below_, {.qps = 1e-6, .burst = 2}, clock_);
  EXPECT_EQ(limited.Send(Get()).status, 200);
  EXPECT_EQ(limited.Send(Get()).status, 200);
  http::Response third;
  std::thread waiting([&] { third = limited.Send(Get()); });
  limited.Close();
  waiting.join();
  EXPECT_EQ(third.status, 503);
  EXPECT_EQ(limited.Send(Get()).status, 503);
  EXPECT_EQ(sent_, 2);
}

TEST_F(LimitedTransportTest, ATurnComesWithTime) {
  LimitedTransport limited(below_, {.qps = 100, .burst = 1}, clock_);
  const Duration begun = clock_.Monotonic();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limited.Send(Get()).status, 200);
  EXPECT_GE(clock_.Monotonic() - begun, 30ms);
}

TEST_F(LimitedTransportTest, ANegativeRateIsNone) {
  LimitedTransport limited(below_, {.qps = -1, .burst = 0}, clock_);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limited.Send(Get()).status, 200);
  EXPECT_EQ(sent_, 1000);
}

}  // namespace
}  // namespace skiff
