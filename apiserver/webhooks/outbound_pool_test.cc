// Requests that wait elsewhere: how many, with how much, and what becomes of one that throws.
#include "apiserver/webhooks/outbound_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "apiserver/webhooks/detour.h"
#include "base/clock.h"

namespace skiff {
namespace {

TEST(DetourTest, WhatThrowsHarmsItsOwnRequest) {
  const FakeClock clock;
  OutboundPool pool(clock);
  const auto throws = [](const http::Request&) -> http::Response {
    throw std::runtime_error("not ours");
  };
  const auto refuse = [](const http::Request&) { return http::Response(); };
  auto response = Detour(pool, {"hook"}, http::Request(), throws, refuse);
  std::promise<int> status;
  response.pending->Start([&](http::Response late) { status.set_value(late.status); });
  EXPECT_EQ(status.get_future().get(), 500);
}

TEST(DetourTest, ARefusalThatThrowsHarmsItsOwnRequest) {
  const FakeClock clock;
  OutboundPool pool(clock);
  pool.Stop();
  const auto handle = [](const http::Request&) { return http::Response(); };
  const auto throws = [](const http::Request&) -> http::Response {
    throw std::runtime_error("not ours");
  };
  auto response = Detour(pool, {"hook"}, http::Request(), handle, throws);
  int status = 0;
  response.pending->Start([&](http::Response refused) { status = refused.status; });
  EXPECT_EQ(status, 500);
}

// Each that is asked is sent the text of the object, and all of them at one time.
TEST(DetourTest, WhatWaitsHoldsItsQuestions) {
  const FakeClock clock;
  std::promise<void> release;
  // Nobody waits: what does not fit is refused.
  OutboundPool pool(clock,
                    {.waiting_max = 0, .bytes_max = 10'000, .bytes_per_name_max = 10'000});
  const std::shared_future<void> released = release.get_future().share();
  ASSERT_TRUE(pool.Submit({"hook"}, [released] { released.wait(); }, 1));
  http::Request request;
  request.body = '"' + std::string(1000, 'x') + '"';
  const auto handle = [](const http::Request&) { return http::Response(); };
  const auto refuse = [](const http::Request&) {
    http::Response refused;
    refused.status = 429;
    return refused;
  };
  OutboundPool::Names names{"hook"};
  for (const int wanted : {200, 429}) {
    auto response = Detour(pool, names, request, handle, refuse);
    std::promise<int> status;
    response.pending->Start([&](http::Response late) { status.set_value(late.status); });
    EXPECT_EQ(status.get_future().get(), wanted);
    for (int i = 0; i < 10; ++i) names.insert("another-" + std::to_string(i));
  }
  release.set_value();
}

TEST(OutboundPoolTest, WhoHangsLeavesRoomForOthers) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const FakeClock clock;
  OutboundPool pool(
      clock,
      {.threads_max = 4, .running_per_name_max = 2, .waiting_max = 8, .waiting_per_name_max = 1});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(pool.Submit({"slow"}, [released] { released.wait(); }));
  }
  EXPECT_FALSE(pool.Submit({"slow"}, [] {})) << "two run, one waits";
  std::promise<void> ran;
  ASSERT_TRUE(pool.Submit({"quick"}, [&] { ran.set_value(); }));
  ran.get_future().wait();
  release.set_value();
}

TEST(OutboundPoolTest, OneOfManyLeavesRoomForTheOthers) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 16,
                            .running_per_name_max = 8,
                            .waiting_max = 100,
                            .waiting_per_name_max = 4});
  const auto names = [](const std::string& one) {
    return OutboundPool::Names{"many", OutboundPool::OneOfMany(one)};
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(pool.Submit(names("a"), [released] { released.wait(); }));
  }
  EXPECT_FALSE(pool.Submit(names("a"), [] {})) << "two run, one waits";
  std::promise<void> ran;
  ASSERT_TRUE(pool.Submit(names("b"), [&] { ran.set_value(); }));
  ran.get_future().wait();
  release.set_value();
}

TEST(OutboundPoolTest, OfWhatTakesMuchFewRunAtOnceAndTheOthersWaitLonger) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 16, .running_of_few_max = 2});
  std::atomic<int> running = 0, most = 0, done = 0, overdue = 0;
  std::promise<void> all;
  constexpr int kJobs = 6;
  const auto work = [&, released] {
    const int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    released.wait();
    --running;
    if (++done == kJobs) all.set_value();
  };
  for (int i = 0; i < kJobs; ++i) {
    ASSERT_TRUE(pool.Submit({OutboundPool::FewAtOnce("large")}, work, 0, [&] { ++overdue; }));
  }
  std::promise<void> ran;
  ASSERT_TRUE(pool.Submit({"small"}, [&] { ran.set_value(); }));
  ran.get_future().wait();
  clock.Advance(30s);
  pool.Step();
  EXPECT_EQ(overdue, 0);
  release.set_value();
  all.get_future().wait();
  EXPECT_LE(most, 2);
  pool.Stop();
}

TEST(OutboundPoolTest, WhatWaitsHoldsNoMoreThanItMay) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 4,
                            .running_per_name_max = 1,
                            .waiting_max = 100,
                            .waiting_per_name_max = 100,
                            .bytes_max = 25,
                            .bytes_per_name_max = 10});
  const auto wait = [released] { released.wait(); };
  EXPECT_TRUE(pool.Submit({"a"}, wait, 6));
  EXPECT_TRUE(pool.Submit({"a"}, wait, 4)) << "waits";
  EXPECT_FALSE(pool.Submit({"a"}, wait, 1));
  EXPECT_TRUE(pool.Submit({"b"}, wait, 15)) << "the first of its name";
  EXPECT_FALSE(pool.Submit({"c"}, wait, 1)) << "all of them hold all there is";
  release.set_value();
  std::promise<void> ran;
  while (!pool.Submit(
      {"b"}, [&] { ran.set_value(); }, 10))
    std::this_thread::yield();
  ran.get_future().wait();
}

TEST(DetourTest, WhoLeavesGivesHisPlaceInLineToOthers) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 4,
                            .running_per_name_max = 1,
                            .waiting_per_name_max = 1,
                            .bytes_per_name_max = 100});
  ASSERT_TRUE(pool.Submit(
      {"slow"}, [released] { released.wait(); }, 1));
  std::atomic<int> handled = 0, refused = 0;
  const auto handle = [&](const http::Request&) {
    ++handled;
    return http::Response();
  };
  const auto refuse = [&](const http::Request&) {
    ++refused;
    return http::Response();
  };
  http::Request request;
  request.body = "123456789";
  auto left = Detour(pool, {"slow"}, request, handle, refuse);
  left.pending->Start([](http::Response) {});
  auto other = Detour(pool, {"slow"}, request, handle, refuse);
  other.pending->Start([](http::Response) {});
  EXPECT_EQ(refused, 1);
  left.pending = nullptr;
  std::promise<void> answered;
  other = Detour(pool, {"slow"}, request, handle, refuse);
  other.pending->Start([&](http::Response) { answered.set_value(); });
  EXPECT_EQ(refused, 1) << "both its place and what it held are free";
  release.set_value();
  answered.get_future().wait();
  EXPECT_EQ(handled, 1);
}

// Few bytes of text may be many of a document, and it is those that are in memory.
TEST(DetourTest, WhatABodyIsReadIntoCounts) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const FakeClock clock;
  OutboundPool pool(clock,
                    {.threads_max = 4, .waiting_per_name_max = 1, .bytes_per_name_max = 100'000});
  std::atomic<int> refused = 0, handled = 0;
  const auto handle = [&](const http::Request&) {
    released.wait();
    ++handled;
    return http::Response();
  };
  const auto refuse = [&](const http::Request&) {
    ++refused;
    return http::Response();
  };
  const auto detour = [&](const std::string& body, const std::string& name = "slow") {
    http::Request request;
    request.body = body;
    auto response = Detour(pool, {name}, request, handle, refuse);
    response.pending->Start([](http::Response) {});
    return response;
  };
  std::string many = "[0";
  while (many.size() < 2000) many += ",{}";
  const auto text = detour('"' + std::string(2000, 'x') + '"');
  const auto other = detour('"' + std::string(2000, 'x') + '"');
  EXPECT_EQ(refused, 0);
  const auto large = detour(many + "]"), larger = detour(many + ",{}]");
  EXPECT_EQ(refused, 1) << "the first of them has the only place in line";
  const std::string few = OutboundPool::FewAtOnce("large");
  const auto first = detour(many + "]", few), next = detour(many + "]", few);
  EXPECT_EQ(refused, 1) << "two of them have documents at one time, however many wait";
  release.set_value();
  while (handled < 5) std::this_thread::yield();
}

// Patches are small, and what they change may be large: they stand in line as others do.
TEST(OutboundPoolTest, WhatHoldsMuchOnlyAtWorkWaitsForItsRoom) {
  std::promise<void> release, second, third;
  const std::shared_future<void> released = release.get_future().share();
  const FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 8,
                            .waiting_max = 2,
                            .waiting_per_name_max = 1,
                            .bytes_max = 25,
                            .bytes_per_name_max = 10});
  const auto wait = [released] { released.wait(); };
  EXPECT_TRUE(pool.Submit({"a"}, wait, {1, 15})) << "the first of its name";
  EXPECT_TRUE(pool.Submit({"a"}, [&] { second.set_value(); }, {1, 9}));
  EXPECT_FALSE(pool.Submit({"a"}, wait, {1, 9})) << "another waits already";
  EXPECT_TRUE(pool.Submit({"b"}, [&] { third.set_value(); }, {1, 30})) << "waits for the whole";
  EXPECT_FALSE(pool.Submit({"c"}, wait, {1, 9})) << "two wait, one of each name";
  EXPECT_TRUE(pool.Submit({"a"}, [] {})) << "what holds nothing needs no room";
  release.set_value();
  second.get_future().wait();
  third.get_future().wait();
}

// Else small ones would pass it for as long as some come.
TEST(OutboundPoolTest, NobodyTakesTheRoomOfANameThatSomebodyWaitsFor) {
  std::promise<void> first, small;
  const std::shared_future<void> first_goes = first.get_future().share();
  std::atomic<bool> is_large_done = false, was_passed = false;
  const FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 8, .bytes_max = 100, .bytes_per_name_max = 10});
  EXPECT_TRUE(pool.Submit(
      {"a"}, [first_goes] { first_goes.wait(); }, 1));
  EXPECT_TRUE(pool.Submit({"a"}, [&] { is_large_done = true; }, {1, 20}));
  EXPECT_TRUE(pool.Submit({"a"},
                          [&] {
                            was_passed = !is_large_done;
                            small.set_value();
                          },
                          {1, 2}));
  std::promise<void> of_b;
  EXPECT_TRUE(pool.Submit({"b"}, [&] { of_b.set_value(); }, {1, 2}));
  of_b.get_future().wait();  // It has nothing to do with that.
  first.set_value();
  small.get_future().wait();
  EXPECT_FALSE(was_passed);
}

TEST(OutboundPoolTest, NobodyStandsInLineForLongerThanHeIsPatient) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  FakeClock clock;
  OutboundPool pool(clock, {.threads_max = 4,
                            .running_per_name_max = 1,
                            .waiting_per_name_max = 2,
                            .bytes_max = 100,
                            .bytes_per_name_max = 10,
                            .patience = 15s});
  ASSERT_TRUE(pool.Submit(
      {"slow"}, [released] { released.wait(); }, 1));
  std::atomic<int> ran = 0, sent_away = 0;
  ASSERT_TRUE(pool.Submit(
      {"slow"}, [&] { ++ran; }, 9, [&] { ++sent_away; }));
  ASSERT_TRUE(pool.Submit({"slow"}, [&] { ++ran; })) << "as long as it takes";
  EXPECT_EQ(pool.Step(), 15s);
  EXPECT_FALSE(pool.Submit({"slow"}, [] {}));
  clock.Advance(14s);
  EXPECT_EQ(pool.Step(), 1s);
  EXPECT_EQ(sent_away, 0);
  clock.Advance(1s);
  EXPECT_EQ(pool.Step(), kNever);
  EXPECT_EQ(sent_away, 1);
  std::promise<void> last;
  ASSERT_TRUE(pool.Submit(
      {"slow"}, [&] { last.set_value(); }, 9))
      << "both have room again";
  release.set_value();
  last.get_future().wait();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(sent_away, 1);
}

}  // namespace
}  // namespace skiff
