#include "http/loop.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/event_loop.h"
#include "http/test_client.h"
#include "http/test_server.h"

namespace {

thread_local int yields_of_thread = 0;

}  // namespace

// In place of the library's, for all of this program.
extern "C" int sched_yield() noexcept {
  ++yields_of_thread;
  return static_cast<int>(syscall(SYS_sched_yield));
}

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

// As those that wait for a proxy which does not answer.
TEST(Loops, ConnectionsThatAreLongInTheMakingHoldUpNoName) {
  std::promise<void> release;
  Fixture fixture(Echo, {}, 1);
  const std::shared_future<void> released = release.get_future().share();
  Loops loops;
  const auto ask = [&](Upstream upstream) {
    auto opened = std::make_shared<std::promise<Result<Opened>>>();
    auto exchange = Open(loops, std::move(upstream), {},
                         [opened](Result<Opened> each) { opened->set_value(std::move(each)); });
    return std::pair(std::move(exchange), opened->get_future());
  };
  const auto dial = [released]() -> Result<int> {
    released.wait();
    return Fail(Reason::kServiceUnavailable, "no proxy");
  };
  std::vector<decltype(ask({}))> stuck;
  for (int i = 0; i < 60; ++i) stuck.push_back(ask({.host = "far.test", .dial = dial}));
  auto [exchange, named] = ask({.host = "localhost", .port = fixture.port()});
  EXPECT_EQ(named.wait_for(20s), std::future_status::ready);
  release.set_value();
  EXPECT_EQ(named.get()->status, 200);
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
  LongAnswer(Loop& loop, std::function<void()> sent) : loop_(loop), sent_(std::move(sent)) {}
  ~LongAnswer() { loop_.DropTurn(*this); }
  void OnTurn() override {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < 1ms) {
    }
    sent_();
    loop_.AskTurn(*this);
  }

 private:
  Loop& loop_;
  const std::function<void()> sent_;
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

// How often a loop with so many answers that have no end lets others run in that many turns.
int YieldsIn(int turns_count, int answers_count) {
  Loop loop;
  int turns = 0, yields = 0;
  std::promise<void> all;
  std::deque<LongAnswer> answers;
  loop.Post([&] {
    yields_of_thread = 0;
    const auto sent = [&] {
      if (++turns != turns_count) return;
      yields = yields_of_thread;
      all.set_value();
    };
    for (int i = 0; i < answers_count; ++i) loop.AskTurn(answers.emplace_back(loop, sent));
  });
  all.get_future().wait();
  std::promise<void> dropped;
  loop.Post([&] {
    answers.clear();
    dropped.set_value();
  });
  dropped.get_future().wait();
  loop.Stop();
  return yields;
}

TEST(Loops, LetOtherThreadsRunBetweenRoundsOfSeveralAnswers) {
  EXPECT_EQ(YieldsIn(20, 2), 19) << "a turn takes a round here";
  EXPECT_EQ(YieldsIn(20, 1), 0);
}

TEST(Loops, SendAnswersBetweenWhatCameInTogether) {
  constexpr int kTogether = 100;
  Loop loop;
  int seen = 0, seen_before = 0;
  std::promise<void> all;
  std::deque<SmallRequest> requests;
  std::vector<int> fds;
  loop.Post([&] {
    for (int i = 0; i < kTogether; ++i) {
      // It is ready before the loop waits for the first.
      fds.push_back(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      requests.emplace_back([&, i] {
        // Somebody has an answer while the first is looked at.
        if (++seen == 1) loop.Post([&] { seen_before = seen; });
        loop.Forget(fds[i], requests[i]);
        if (seen == kTogether) all.set_value();
      });
      loop.Watch(fds[i], EPOLLIN, requests[i]);
    }
  });
  all.get_future().wait();
  loop.Stop();
  for (const int fd : fds) close(fd);
  EXPECT_GT(seen_before, 0);
  EXPECT_LT(seen_before, kTogether / 2);
}

TEST(Loops, WhatATaskDefersComesBeforeTheEventsAndTasksBehindIt) {
  constexpr int kTogether = 100;
  Loop loop;
  int seen = 0, seen_before = 0;
  std::string order;
  std::promise<void> all;
  std::deque<SmallRequest> requests;
  std::vector<int> fds;
  const auto answer = [&] {
    loop.Defer([&] {
      order += "deferred ";
      seen_before = seen;
    });
    loop.Post([&] { order += "posted"; });
  };
  loop.Post([&] {
    for (int i = 0; i < kTogether; ++i) {
      fds.push_back(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      requests.emplace_back([&, i] {
        if (++seen == 1) loop.Post(answer);
        loop.Forget(fds[i], requests[i]);
        if (seen == kTogether) all.set_value();
      });
      loop.Watch(fds[i], EPOLLIN, requests[i]);
    }
  });
  all.get_future().wait();
  loop.Stop();
  for (const int fd : fds) close(fd);
  EXPECT_EQ(order, "deferred posted");
  EXPECT_LT(seen_before, kTogether / 2) << "in the same round";
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
