#include "apiserver/flow_control/retry_after.h"

#include <gtest/gtest.h>

namespace skiff::flow_control {
namespace {

int64_t After(RetryAfter& retry, int64_t now_s, int refused) {
  for (int i = 0; i < refused; ++i) retry.CountRefused(now_s);
  return retry.seconds();
}

TEST(RetryAfter, DoublesWhileManyAreRefusedAndFallsByOne) {
  RetryAfter retry;
  EXPECT_EQ(After(retry, 10, 3), 1) << "a second is judged when it is over";
  EXPECT_EQ(After(retry, 11, 1), 2);
  EXPECT_EQ(After(retry, 12, 9), 2) << "not raised again before that time has passed";
  EXPECT_EQ(After(retry, 13, 1), 4);
  EXPECT_EQ(After(retry, 40, 1), 3);
  EXPECT_EQ(After(retry, 90, 1), 2);
}

TEST(RetryAfter, NeverSaysMoreThanItsMost) {
  RetryAfter retry;
  for (int64_t now = 1; now < 200; ++now) After(retry, now, 200);
  EXPECT_EQ(retry.seconds(), kRetryAfterMax);
}

}  // namespace
}  // namespace skiff::flow_control
