#include "http/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace skiff::http {
namespace {

TEST(WorkerPoolTest, JobsThatWaitHoldUpNobodyWhileThereAreThreads) {
  constexpr int kThreads = 8;
  WorkerPool pool(kThreads, 100);
  for (int round = 0; round < 200; ++round) {
    std::latch all_here(kThreads), left(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      ASSERT_TRUE(pool.Submit([&] {
        all_here.arrive_and_wait();
        left.count_down();
      }));
    }
    left.wait();
  }
  EXPECT_EQ(pool.threads(), kThreads);
}

TEST(WorkerPoolTest, EveryJobOfManySubmittersIsRunOnce) {
  constexpr int kSubmitters = 4, kJobs = 20'000;
  WorkerPool pool(3, kSubmitters * kJobs);
  std::latch done(kSubmitters * kJobs);
  std::atomic<int> runs = 0;
  {
    std::vector<std::jthread> submitters;
    for (int i = 0; i < kSubmitters; ++i) {
      submitters.emplace_back([&] {
        for (int job = 0; job < kJobs; ++job) {
          ASSERT_TRUE(pool.Submit([&] {
            ++runs;
            done.count_down();
          }));
        }
      });
    }
  }
  done.wait();
  EXPECT_EQ(runs, kSubmitters * kJobs);
  EXPECT_LE(pool.threads(), 3);
}

TEST(WorkerPoolTest, TooManyThatWaitAreRefusedAndStopDropsThem) {
  WorkerPool pool(1, 2);
  std::latch entered(1), go_on(1);
  std::atomic<int> runs = 0;
  ASSERT_TRUE(pool.Submit([&] {
    entered.count_down();
    go_on.wait();
    ++runs;
  }));
  entered.wait();
  EXPECT_TRUE(pool.Submit([&] { ++runs; }));
  EXPECT_TRUE(pool.Submit([&] { ++runs; }));
  EXPECT_EQ(pool.waiting(), 2u);
  EXPECT_FALSE(pool.Submit([&] { ++runs; }));
  std::jthread stopper([&] { pool.Stop(); });
  while (pool.waiting() != 0) std::this_thread::yield();
  go_on.count_down();
  stopper.join();
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(pool.Submit([&] { ++runs; }));
}

TEST(WorkerPoolTest, WhoSleepsEndsWithThePool) {
  for (int round = 0; round < 200; ++round) {
    WorkerPool pool(4, 10);
    std::latch done(2);
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.Submit([&] { done.count_down(); }));
    done.wait();
  }
}

}  // namespace
}  // namespace skiff::http
