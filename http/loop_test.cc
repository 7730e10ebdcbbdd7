#include "http/loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <thread>

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
