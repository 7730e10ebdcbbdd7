#include "http/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

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

// Of a client that may leave.
class ClientsJob final : public WorkerPool::Job {
 public:
  ClientsJob(std::atomic<int>& runs, std::atomic<int>& drops) : runs_(runs), drops_(drops) {}
  void Run() override { ++runs_; }
  bool IsGone() const override { return is_gone; }
  bool MayBeGone() const override { return is_gone || may_be_gone; }
  void Drop() override { ++drops_; }

  std::atomic<bool> is_gone = false, may_be_gone = false;

 private:
  std::atomic<int>& runs_;
  std::atomic<int>& drops_;
};

class WorkerPoolOfClientsTest : public ::testing::Test {
 protected:
  static constexpr size_t kMax = 16;

  WorkerPoolOfClientsTest() {
    EXPECT_TRUE(pool_.Submit([this] {
      entered_.count_down();
      go_on_.wait();
    }));
    entered_.wait();
    for (size_t i = 0; i < kMax; ++i) EXPECT_TRUE(pool_.Submit(NewJob()));
  }
  std::shared_ptr<ClientsJob> NewJob() {
    jobs_.push_back(std::make_shared<ClientsJob>(runs_, drops_));
    return jobs_.back();
  }
  // All that are left have run.
  void Finish() {
    go_on_.count_down();
    std::latch done(1);
    while (!pool_.Submit([&] { done.count_down(); })) std::this_thread::yield();
    done.wait();
  }

  std::latch entered_{1}, go_on_{1};
  std::atomic<int> runs_ = 0, drops_ = 0;
  std::vector<std::shared_ptr<ClientsJob>> jobs_;
  WorkerPool pool_{1, kMax};
};

TEST_F(WorkerPoolOfClientsTest, WhatIsGoneLeavesTheQueueBeforeAnybodyWouldTakeIt) {
  for (const size_t left : {3U, 7U}) {
    jobs_[left]->is_gone = true;
    pool_.NoteGone();
  }
  EXPECT_EQ(pool_.waiting(), kMax - 2);
  EXPECT_EQ(jobs_[3].use_count(), 1) << "nothing of it is kept";
  jobs_[9]->may_be_gone = true;
  pool_.NoteGone();
  pool_.NoteGone();
  EXPECT_EQ(pool_.waiting(), kMax - 2) << "that one may be wanted";
  EXPECT_EQ(drops_, 2);
  Finish();
  EXPECT_EQ(runs_, static_cast<int>(kMax) - 2);
}

TEST_F(WorkerPoolOfClientsTest, WhatMayBeGoneMakesRoomWhereThereIsNone) {
  EXPECT_FALSE(pool_.Submit(NewJob()));
  for (const size_t left : {2U, 5U}) jobs_[left]->may_be_gone = true;
  pool_.NoteGone();
  EXPECT_EQ(drops_, 0);
  EXPECT_TRUE(pool_.Submit(NewJob()));
  EXPECT_EQ(drops_, 2);
  EXPECT_TRUE(pool_.Submit(NewJob()));
  EXPECT_FALSE(pool_.Submit(NewJob()));
  Finish();
  EXPECT_EQ(runs_, static_cast<int>(kMax));
}

// As requests that a client sent before he closed his side, and that are read one by one.
TEST(WorkerPoolTest, WhatMayBeGoneAsItComesMakesRoomUntold) {
  std::latch entered(1), go_on(1), done(1);
  std::atomic<int> runs = 0, drops = 0;
  WorkerPool pool(1, 1);
  EXPECT_TRUE(pool.Submit([&] {
    entered.count_down();
    go_on.wait();
  }));
  entered.wait();
  const auto closed = std::make_shared<ClientsJob>(runs, drops);
  closed->may_be_gone = true;
  EXPECT_TRUE(pool.Submit(closed));
  EXPECT_TRUE(pool.Submit(std::make_shared<ClientsJob>(runs, drops)));
  EXPECT_EQ(drops, 1);
  EXPECT_FALSE(pool.Submit(std::make_shared<ClientsJob>(runs, drops)));
  go_on.count_down();
  while (!pool.Submit([&] { done.count_down(); })) std::this_thread::yield();
  done.wait();
  EXPECT_EQ(runs, 1);
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
