#include "client/work_queue.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

const ObjectKey kA = {"default", "a"};
const ObjectKey kB = {"default", "b"};

class WorkQueueTest : public testing::Test {
 protected:
  FakeClock clock_;
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueTest, AKeyAddedTwiceIsTakenOnce) {
  queue_.Add(kA);
  queue_.Add(kA);
  EXPECT_EQ(queue_.Take(), kA);
  EXPECT_EQ(queue_.Take(), std::nullopt);
}

TEST_F(WorkQueueTest, CountsWhatWasAddedAndTriedAgain) {
  queue_.Add(kA);
  queue_.Add(kA);
  queue_.Add(kB);
  EXPECT_EQ(queue_.counts().depth, 2u);
  EXPECT_EQ(queue_.counts().adds, 2u) << "the same key twice is one";
  ASSERT_EQ(queue_.Take(), kA);
  queue_.Done(kA);
  queue_.AddRateLimited(kA);
  EXPECT_EQ(queue_.counts().depth, 1u);
  EXPECT_EQ(queue_.counts().retries, 1u);
}

TEST_F(WorkQueueTest, HowLongKeysWaitAndAreWorkedOnIsCounted) {
  const auto of = [](const QueueTimes& times, size_t place) { return times.counts.at(place); };
  constexpr size_t kUpToASecond = 8;  // Of QueueTimes::kBounds.
  queue_.Add(kA);
  clock_.Advance(500ms);
  queue_.Add(kA);
  clock_.Advance(500ms);
  ASSERT_EQ(queue_.Take(), kA);
  EXPECT_EQ(of(queue_.counts().waited, kUpToASecond), 1u) << "from when it was added first";
  EXPECT_EQ(queue_.counts().waited.sum, 1);
  clock_.Advance(2s);
  queue_.Add(kA);  // It waits while it is worked on.
  queue_.Add(kB);
  ASSERT_EQ(queue_.Take(), kB);
  clock_.Advance(3s);
  EXPECT_EQ(queue_.counts().going_on, 8s);
  EXPECT_EQ(queue_.counts().going_longest, 5s);
  queue_.Done(kA);
  EXPECT_EQ(of(queue_.counts().worked, kUpToASecond + 1), 1u);
  EXPECT_EQ(queue_.counts().worked.sum, 5);
  EXPECT_EQ(queue_.counts().going_longest, 3s);
  ASSERT_EQ(queue_.Take(), kA);
  EXPECT_EQ(queue_.counts().waited.sum, 4) << "B waited for nothing, and A for three seconds";
  clock_.Advance(20s);
  queue_.Done(kA);
  EXPECT_EQ(of(queue_.counts().worked, QueueTimes::kBounds.size()), 1u) << "past all bounds";
}

TEST_F(WorkQueueTest, KeysComeInTheOrderTheyWereAdded) {
  queue_.Add(kB);
  queue_.Add(kA);
  EXPECT_EQ(queue_.Take(), kB);
  EXPECT_EQ(queue_.Take(), kA);
}

TEST_F(WorkQueueTest, AKeyAddedWhileItIsWorkedOnComesBackAfterwards) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.Take(), kA);
  queue_.Add(kA);
  EXPECT_EQ(queue_.Take(), std::nullopt) << "two workers would have the same key";
  queue_.Done(kA);
  EXPECT_EQ(queue_.Take(), kA);
}

TEST_F(WorkQueueTest, DelayedKeysWaitForTheirTime) {
  queue_.AddAfter(kA, 10s);
  EXPECT_EQ(queue_.Take(), std::nullopt);
  EXPECT_EQ(queue_.UntilNext(), Duration(10s));
  clock_.Advance(10s);
  EXPECT_EQ(queue_.Take(), kA);
  EXPECT_EQ(queue_.UntilNext(), kNever);
}

TEST_F(WorkQueueTest, TheEarlierOfTwoDelaysWins) {
  queue_.AddAfter(kA, 10s);
  queue_.AddAfter(kA, 3s);
  queue_.AddAfter(kA, 20s);
  EXPECT_EQ(queue_.UntilNext(), Duration(3s));
  clock_.Advance(3s);
  EXPECT_EQ(queue_.Take(), kA);
  queue_.Done(kA);
  clock_.Advance(1h);
  EXPECT_EQ(queue_.Take(), std::nullopt);
}

TEST_F(WorkQueueTest, RetriesBackOffExponentiallyUpToTheMaximum) {
  std::vector<Duration> delays;
  for (int i = 0; i < 20; ++i) {
    queue_.AddRateLimited(kA);
    delays.push_back(queue_.UntilNext());
    clock_.Advance(delays.back());
    ASSERT_EQ(queue_.Take(), kA);
    queue_.Done(kA);
  }
  EXPECT_EQ(delays[0], Duration(5ms));
  EXPECT_EQ(delays[1], Duration(10ms));
  EXPECT_EQ(delays[10], Duration(5120ms));
  EXPECT_EQ(delays[19], Duration(1000s));
}

TEST_F(WorkQueueTest, ForgetStartsTheBackOffAnew) {
  for (int i = 0; i < 5; ++i) queue_.AddRateLimited(kA);
  queue_.Forget(kA);
  EXPECT_EQ(queue_.Failures(kA), 0);
  queue_.AddRateLimited(kB);
  EXPECT_EQ(queue_.Failures(kB), 1);
}

class Sleeper final : public ControlLoop {
 public:
  explicit Sleeper(WorkQueue& queue) : queue_(queue) {}
  Duration Step() override {
    const auto key = queue_.TakeOrWait(*this);
    if (!key) return queue_.UntilNext();
    taken.push_back(*key);
    queue_.Done(*key);
    return Duration(0);
  }
  std::vector<ObjectKey> taken;

 private:
  WorkQueue& queue_;
};

TEST_F(WorkQueueTest, AWaitingLoopIsWokenByTheNextKey) {
  SteppedExecutor executor(clock_, 1);
  Sleeper sleeper(queue_);
  executor.Add(sleeper);
  ASSERT_TRUE(executor.RunUntilIdle());
  queue_.Add(kA);
  ASSERT_TRUE(executor.RunUntilIdle());
  EXPECT_EQ(sleeper.taken, std::vector<ObjectKey>{kA});
  queue_.AddAfter(kB, 5s);
  executor.RunFor(6s);
  EXPECT_EQ(sleeper.taken, (std::vector<ObjectKey>{kA, kB}));
  executor.Remove(sleeper);
}

}  // namespace
}  // namespace skiff
