#include "http/loop.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <thread>

#include "base/thread_slice.h"
#include "http/event_loop.h"
#include "http/test_client.h"
#include "http/test_server.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::Fixture;
using testing::TestClient;

TEST(Loops, TellHowLongOneIsStuck) {
  Fixture fixture(Echo, {}, 1);
  EXPECT_LT(fixture.loops.LongestRound(), 5s);
  std::promise<void> release;
  std::promise<void> stuck;
  fixture.loops.Next().Post([&] {
    stuck.set_value();
    release.get_future().wait();
  });
  stuck.get_future().wait();
  while (fixture.loops.LongestRound() < 20ms) std::this_thread::yield();
  release.set_value();
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/").status(), 200);
}

// One of many streams that an event wakes all at once, and each of which has something to send.
class BusyStream final : public LoopListener {
 public:
  BusyStream(int& woken, std::function<void()> then) : woken_(woken), then_(std::move(then)) {}
  void OnWake() override {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < 1ms) {
    }
    ++woken_;
    then_();
  }

 private:
  int& woken_;
  const std::function<void()> then_;
};

// One of many connections that have a long answer to send.
class LongAnswer final : public LoopListener {
 public:
  LongAnswer(Loop& loop, std::function<void()> sent, Duration turn = 1ms)
      : loop_(loop), sent_(std::move(sent)), turn_(turn) {}
  ~LongAnswer() { loop_.DropTurn(*this); }
  void OnTurn() override {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < turn_) {
    }
    sent_();
    loop_.AskTurn(*this);
  }

 private:
  Loop& loop_;
  const std::function<void()> sent_;
  const Duration turn_;
};

// One with a small request.
class SmallRequest final : public LoopListener {
 public:
  explicit SmallRequest(std::function<void()> then) : then_(std::move(then)) {}
  void OnReady(uint32_t) override { then_(); }

 private:
  const std::function<void()> then_;
};

TEST(Loops, LongAnswersLetASmallRequestPass) {
  constexpr int kLong = 20, kRequests = 10;
  Loop loop;
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::deque<LongAnswer> answers;
  int turns = 0, came_at = 0, requests = 0;
  std::vector<int> waited;
  std::promise<void> all;
  SmallRequest request([&] {
    uint64_t count;
    ASSERT_EQ(read(fd, &count, sizeof count), static_cast<ssize_t>(sizeof count));
    waited.push_back(turns - came_at);
    came_at = 0;
    if (waited.size() == kRequests) all.set_value();
  });
  loop.Post([&] {
    loop.Watch(fd, EPOLLIN, request);
    for (int i = 0; i < kLong; ++i) {
      answers.emplace_back(loop, [&] {
        ++turns;
        if (came_at != 0 || requests == kRequests) return;
        // It comes while somebody's long answer is being sent.
        came_at = turns;
        ++requests;
        const uint64_t one = 1;
        ASSERT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
      });
      loop.AskTurn(answers.back());
    }
  });
  all.get_future().wait();
  std::promise<void> dropped;
  loop.Post([&] {
    answers.clear();
    loop.Forget(fd, request);
    dropped.set_value();
  });
  dropped.get_future().wait();
  loop.Stop();
  close(fd);
  for (const int turns_waited : waited) EXPECT_EQ(turns_waited, 0);
}

TEST(Loops, WhoAsksForATurnAgainHasItBehindTheOthers) {
  constexpr int kLong = 5;
  Loop loop;
  std::deque<LongAnswer> answers;
  std::vector<int> order;
  std::promise<void> all;
  loop.Post([&] {
    for (int i = 0; i < kLong; ++i) {
      answers.emplace_back(loop, [&, i] {
        order.push_back(i);
        if (order.size() == 2 * kLong) all.set_value();
      });
      loop.AskTurn(answers.back());
      loop.AskTurn(answers.back());
    }
  });
  all.get_future().wait();
  std::promise<void> dropped;
  loop.Post([&] {
    answers.clear();
    dropped.set_value();
  });
  dropped.get_future().wait();
  order.resize(2 * kLong);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 0, 1, 2, 3, 4}));
}

// Two threads on one processor: a loop with two answers that have no end, and somebody who wants
// to run.
TEST(Loops, LetOtherThreadsRunBetweenRounds) {
  constexpr int kTurns = 1000;
  const int processor = sched_getcpu();
  ASSERT_GE(processor, 0);
  const auto stay = [processor] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof one, &one), 0);
  };
  std::atomic<bool> over = false;
  std::atomic<uint64_t> ran = 0;
  std::thread other([&] {
    stay();
    TakeShortSlices();  // As other loops do.
    while (!over) ++ran;
  });
  Loop loop;
  int turns = 0, others_between = 0;
  uint64_t seen = 0;
  std::promise<void> all;
  std::deque<LongAnswer> answers;
  loop.Post([&] {
    stay();
    const auto sent = [&] {
      if (const uint64_t now = ran; now != seen) {
        seen = now;
        ++others_between;
      }
      if (++turns == kTurns) all.set_value();
    };
    for (int i = 0; i < 2; ++i) loop.AskTurn(answers.emplace_back(loop, sent, 200us));
  });
  all.get_future().wait();
  std::promise<void> dropped;
  loop.Post([&] {
    answers.clear();
    dropped.set_value();
  });
  dropped.get_future().wait();
  over = true;
  other.join();
  loop.Stop();
  EXPECT_GT(others_between, kTurns / 10);  // By the clock's ticks it were a twentieth.
}

TEST(Loops, WakeManyStreamsAndLookAtOthersInBetween) {
  constexpr int kStreams = 200;
  Loop loop;
  int woken = 0, woken_before = 0;
  std::promise<void> all;
  std::deque<BusyStream> streams;
  std::vector<std::shared_ptr<Wake>> wakes;
  for (int i = 0; i < kStreams; ++i) {
    streams.emplace_back(woken, [&, i] {
      // Somebody else wants something while the first is served.
      if (i == 0) loop.Post([&] { woken_before = woken; });
      if (woken == kStreams) all.set_value();
    });
    wakes.push_back(loop.MakeWake(streams.back()));
  }
  loop.Post([&] {
    for (const auto& wake : wakes) wake->Notify();
  });
  all.get_future().wait();
  loop.Stop();
  EXPECT_GT(woken_before, 0);
  EXPECT_LT(woken_before, kStreams / 2);
}

}  // namespace
}  // namespace skiff::http
