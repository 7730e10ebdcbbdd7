#include "client/failure_news.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(FailureNewsTest, TheSameFailureIsToldOnceInAWhile) {
  FakeClock clock;
  FailureNews news(clock);
  const ObjectKey key = {"n", "a"};
  EXPECT_TRUE(news.IsNew(key, "no scale"));
  EXPECT_FALSE(news.IsNew(key, "no scale"));
  EXPECT_TRUE(news.IsNew({"n", "b"}, "no scale")) << "of another";
  EXPECT_TRUE(news.IsNew(key, "no server")) << "something else";
  clock.Advance(FailureNews::kToldFor - 1ms);
  EXPECT_FALSE(news.IsNew(key, "no server"));
  clock.Advance(1ms);
  EXPECT_TRUE(news.IsNew(key, "no server"));
  news.Forget(key);
  EXPECT_TRUE(news.IsNew(key, "no server")) << "it had succeeded meanwhile";
}

}  // namespace
}  // namespace skiff
