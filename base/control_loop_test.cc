#include "base/control_loop.h"

#include <gtest/gtest.h>

#include <latch>
#include <semaphore>
#include <stdexcept>
#include <utility>

namespace skiff {
namespace {

struct Ticker : ControlLoop {
  explicit Ticker(Duration period) : period(period) {}
  Duration Step() override {
    ++steps;
    return period;
  }
  Duration period;
  std::atomic<int> steps = 0;
};

TEST(SteppedExecutorTest, RunsLoopsWhenTimeReachesThem) {
  FakeClock clock;
  SteppedExecutor executor(clock, 1);
  Ticker fast(1s), slow(10s);
  executor.Add(fast);
  executor.Add(slow);
  executor.RunFor(10s);
  EXPECT_EQ(fast.steps, 11);
  EXPECT_EQ(slow.steps, 2);
  EXPECT_EQ(clock.Monotonic(), 10s);
}

TEST(SteppedExecutorTest, AWokenLoopRunsAtOnceAndARemovedOneNever) {
  FakeClock clock;
  SteppedExecutor executor(clock, 1);
  Ticker sleeper(kNever);
  executor.Add(sleeper);
  EXPECT_TRUE(executor.RunUntilIdle());
  sleeper.Wake();
  EXPECT_TRUE(executor.RunUntilIdle());
  EXPECT_EQ(sleeper.steps, 2);
  executor.Remove(sleeper);
  sleeper.Wake();
  EXPECT_FALSE(executor.RunOne());
  EXPECT_EQ(sleeper.steps, 2);
}

struct Once : ControlLoop {
  explicit Once(std::latch& done) : done(done) {}
  Duration Step() override {
    if (!counted) done.count_down();
    counted = true;
    return kNever;
  }
  std::latch& done;
  bool counted = false;
};

TEST(ThreadExecutorTest, StepsEveryLoopAndStopsCleanly) {
  std::latch done(20);
  std::vector<std::unique_ptr<Once>> loops;
  ThreadExecutor executor("test", 3);
  for (int i = 0; i < 20; ++i) {
    loops.push_back(std::make_unique<Once>(done));
    executor.Add(*loops.back());
  }
  done.wait();
  for (auto& loop : loops) executor.Remove(*loop);
}

// Tens of thousands of loops that wait to be woken, as thousands of simulated nodes have.
TEST(ThreadExecutorTest, AmongManyThatSleepThoseThatAreWokenRunAndThoseRemovedDoNot) {
  constexpr int kMany = 10'000;
  struct Counter : ControlLoop {
    Counter(std::latch& first, std::latch& second) : first(first), second(second) {}
    Duration Step() override {
      ++steps;
      if (steps <= 2) (steps == 1 ? first : second).count_down();
      return kNever;
    }
    std::latch& first;
    std::latch& second;
    std::atomic<int> steps = 0;
  };
  std::latch begun(kMany);
  std::latch woken(kMany / 2);
  std::vector<std::unique_ptr<Counter>> loops;
  ThreadExecutor executor("test", 2);
  for (int i = 0; i < kMany; ++i) {
    loops.push_back(std::make_unique<Counter>(begun, woken));
    executor.Add(*loops.back());
  }
  begun.wait();
  for (int i = 0; i < kMany; i += 2) loops[i]->Wake();
  woken.wait();
  for (const auto& loop : loops) executor.Remove(*loop);
  for (int i = 0; i < kMany; ++i) {
    loops[i]->Wake();
    EXPECT_EQ(loops[i]->steps, i % 2 == 0 ? 2 : 1);
  }
}

// Within its first step until it is let go; tells of each that it has been made.
struct HeldOnce : ControlLoop {
  Duration Step() override {
    if (!std::exchange(was_held, true)) {
      begun.count_down();
      end.wait();
    }
    steps.release();
    return kNever;
  }
  bool was_held = false;
  std::latch begun{1}, end{1};
  std::counting_semaphore<> steps{0};
};

struct Thrower : ControlLoop {
  Duration Step() override {
    if (!counted) thrown.count_down();
    counted = true;
    throw std::runtime_error("not ours");
  }
  std::latch thrown{1};
  bool counted = false;
};

TEST(ThreadExecutorTest, ALoopThatThrowsDoesNotEndTheProgram) {
  std::latch done(1);
  ThreadExecutor executor("test", 1);
  Thrower thrower;
  Once other(done);
  executor.Add(thrower);
  thrower.thrown.wait();
  executor.Add(other);  // On the same thread.
  done.wait();
  executor.Remove(thrower);
  executor.Remove(other);
}

TEST(ThreadExecutorTest, WhoIsRemovedWhileItRunsIsFoundAmongThoseThatHaveComeSince) {
  constexpr int kMany = 10'000;
  ThreadExecutor executor("test", 2);
  HeldOnce held;
  executor.Add(held);
  held.begun.wait();
  std::thread remover([&] { executor.Remove(held); });
  std::latch done(kMany);
  std::vector<std::unique_ptr<Once>> others;
  for (int i = 0; i < kMany; ++i) {
    others.push_back(std::make_unique<Once>(done));
    executor.Add(*others.back());
  }
  done.wait();
  held.end.count_down();
  remover.join();
  for (const auto& other : others) executor.Remove(*other);
  executor.Add(held);  // It has left, and may come again.
  executor.Remove(held);
}

struct Always : ControlLoop {
  Duration Step() override {
    if (!stepped) begun.count_down();
    stepped = true;
    return Duration::zero();
  }
  std::latch begun{1};
  bool stepped = false;
};

TEST(ThreadExecutorTest, WhoIsAlwaysDueCanBeRemoved) {
  ThreadExecutor executor("test", 1);
  for (int round = 0; round < 200; ++round) {
    Always loop;
    executor.Add(loop);
    loop.begun.wait();
    executor.Remove(loop);
  }
}

TEST(ThreadExecutorTest, AWakeIsNeverLost) {
  ThreadExecutor executor("test", 2);
  HeldOnce loop;
  executor.Add(loop);
  loop.begun.wait();
  loop.Wake();  // During a step: one more follows.
  loop.end.count_down();
  EXPECT_TRUE(loop.steps.try_acquire_for(10s));
  EXPECT_TRUE(loop.steps.try_acquire_for(10s));
  loop.Wake();  // After a step, or while the loop goes back to those that wait.
  EXPECT_TRUE(loop.steps.try_acquire_for(10s));
  executor.Remove(loop);
}

// Within its step until it is let go.
struct Blocker : ControlLoop {
  Duration Step() override {
    begun.count_down();
    end.wait();
    return kNever;
  }
  std::latch begun{1}, end{1};
};

TEST(ThreadExecutorTest, WhoRemovesALoopTakesNoWakeOfAnother) {
  ThreadExecutor executor("test", 3);
  Blocker removed;
  executor.Add(removed);
  removed.begun.wait();
  struct Counter : ControlLoop {
    Duration Step() override {
      steps.release();
      return kNever;
    }
    std::counting_semaphore<> steps{0};
  } counter;
  executor.Add(counter);
  bool all = counter.steps.try_acquire_for(10s);
  std::jthread remover([&] { executor.Remove(removed); });
  for (int i = 0; all && i < 100; ++i) {
    Blocker other;  // Has one of the other two threads.
    executor.Add(other);
    other.begun.wait();
    counter.Wake();
    all = counter.steps.try_acquire_for(10s);
    other.end.count_down();
    executor.Remove(other);
  }
  EXPECT_TRUE(all);
  removed.end.count_down();
  remover.join();
  executor.Remove(counter);
}

TEST(ThreadExecutorTest, ALoopThatTakesLongHoldsUpNoneThatIsDueLater) {
  ThreadExecutor executor("test", 2);
  struct Periodic : ControlLoop {
    Duration Step() override {
      steps.release();
      return 20ms;
    }
    std::counting_semaphore<> steps{0};
  } periodic;
  executor.Add(periodic);
  ASSERT_TRUE(periodic.steps.try_acquire_for(10s));
  // Now the one thread there is waits; it takes the loop that blocks.
  Blocker blocker;
  executor.Add(blocker);
  blocker.begun.wait();
  while (periodic.steps.try_acquire()) {
  }
  bool all = true;
  for (int i = 0; all && i < 3; ++i) all = periodic.steps.try_acquire_for(10s);
  EXPECT_TRUE(all);
  blocker.end.count_down();
  executor.Remove(blocker);
  executor.Remove(periodic);
}

}  // namespace
}  // namespace skiff
