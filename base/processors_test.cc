#include "base/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace skiff {
namespace {

TEST(UsableProcessors, AreThoseThatWereGiven) {
  const int before = UsableProcessors();
  EXPECT_GE(before, 1);
  EXPECT_LE(before, static_cast<int>(std::thread::hardware_concurrency()));
  int after = 0;
  std::jthread([&] {
    cpu_set_t own;
    ASSERT_EQ(sched_getaffinity(0, sizeof own, &own), 0);
    int first = 0;
    while (!CPU_ISSET(first, &own)) ++first;
    CPU_ZERO(&own);
    CPU_SET(first, &own);
    ASSERT_EQ(sched_setaffinity(0, sizeof own, &own), 0);
    after = UsableProcessors();
  }).join();
  EXPECT_EQ(after, 1);
}

}  // namespace
}  // namespace skiff
