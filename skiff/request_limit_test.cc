#include "skiff/request_limit.h"

#include <gtest/gtest.h>

#include <future>

namespace skiff {
namespace {

TEST(TokenBucket, GivesABurstAndThenSoManyASecond) {
  TokenBucket bucket({.qps = 10, .burst = 2});
  EXPECT_EQ(bucket.Take(100s), 0s);
  EXPECT_EQ(bucket.Take(100s), 0s);
  EXPECT_EQ(bucket.Take(100s), 100ms);
  EXPECT_EQ(bucket.Take(100s), 200ms);
  EXPECT_EQ(bucket.Take(100s + 100ms), 200ms) << "one was earned, and two are promised";
  EXPECT_EQ(bucket.Take(200s), 0s);
  EXPECT_EQ(bucket.Take(200s), 0s) << "a pause earns no more than a burst";
  EXPECT_EQ(bucket.Take(200s), 100ms);
}

TEST(TokenBucket, WaitsNoLongerThanATimeCanBe) {
  TokenBucket bucket({.qps = 1e-300, .burst = 1});
  EXPECT_EQ(bucket.Take(1s), 0s);
  EXPECT_GT(bucket.Take(1s), 24h);
}

class LimitedTransportTest : public testing::Test {
 protected:
  http::Request Get(bool is_watch) {
    http::Request request;
    request.method = "GET";
    request.path = "/api/v1/pods";
    if (is_watch) request.query.emplace_back("watch", "true");
    return request;
  }
  SystemClock clock_;
  std::atomic<int> sent_ = 0;
  InProcessTransport server_{[this](const http::Request&) {
    ++sent_;
    return http::Response{.status = 200};
  }};
  LimitedTransport limited_{server_, {.qps = 1e-6, .burst = 1}, clock_};
};

TEST_F(LimitedTransportTest, WatchesAreFreeAndWhoWaitsIsLetGoInTheEnd) {
  EXPECT_EQ(limited_.Send(Get(false)).status, 200);
  EXPECT_EQ(limited_.Send(Get(true)).status, 200);
  auto held = std::async(std::launch::async, [&] { return limited_.Send(Get(false)).status; });
  EXPECT_EQ(held.wait_for(50ms), std::future_status::timeout);
  EXPECT_EQ(sent_, 2);
  limited_.Open();
  EXPECT_EQ(held.get(), 200);
  EXPECT_EQ(sent_, 3);
}

}  // namespace
}  // namespace skiff
