// What watches of a store show.
#include "apiserver/storage/store_contract.h"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <thread>

namespace skiff {
namespace {

TEST_P(StoreContract, AWatchDeliversInOrderWithoutGaps) {
  Put("/p/a", "before");
  auto cursor = store().Watch("/p/", store().Current(), nullptr);
  ASSERT_TRUE(cursor);
  EXPECT_EQ(Drain(**cursor), "");
  Put("/p/a", "1");
  Put("/q/x", "elsewhere");
  Put("/p/b", "2");
  Delete("/p/a");
  EXPECT_EQ(Drain(**cursor, 1), "+/p/a=1@3 +/p/b=2@5 -/p/a=1@6");
  EXPECT_EQ(Drain(**cursor), "");
  Put("/p/a", "3");
  EXPECT_EQ(Drain(**cursor), "+/p/a=3@7");
}

TEST_P(StoreContract, AnEventCarriesWhatWasBefore) {
  auto cursor = store().Watch("/", store().Current(), nullptr);
  Put("/a", "1");
  Put("/a", "2");
  Delete("/a");
  Put("/a", "3");
  std::vector<EventPtr> events;
  ASSERT_TRUE((*cursor)->Next(10, events));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0]->previous, nullptr);
  EXPECT_EQ(events[1]->previous->value, "1");
  EXPECT_EQ(events[1]->record->created, Revision{2});
  EXPECT_EQ(events[2]->kind, Event::Kind::kDelete);
  EXPECT_EQ(events[2]->record->value, "2");
  EXPECT_EQ(events[2]->record->modified, Revision{3});
  EXPECT_EQ(events[2]->previous->value, "2");
  EXPECT_EQ(events[3]->previous, nullptr);
  EXPECT_EQ(events[3]->record->created, Revision{5});
}

TEST_P(StoreContract, AWatchStartsAtAnyRevisionThatIsNotCompacted) {
  for (int i = 2; i <= 40; ++i) Put(fmt::format("/p/{}", i % 3), std::to_string(i));
  Delete("/p/0");
  ASSERT_TRUE(store().Compact(Revision{10}));
  std::string expected;
  for (int i = 11; i <= 40; ++i) expected += fmt::format("+/p/{}={}@{} ", i % 3, i, i);
  expected += "-/p/0=39@41";
  auto cursor = store().Watch("/p/", Revision{10}, nullptr);
  ASSERT_TRUE(cursor);
  EXPECT_EQ(Drain(**cursor, 7), expected);
  auto from_20 = store().Watch("/p/1", Revision{20}, nullptr);
  EXPECT_EQ(Drain(**from_20, 2),
            "+/p/1=22@22 +/p/1=25@25 +/p/1=28@28 +/p/1=31@31 +/p/1=34@34 +/p/1=37@37 +/p/1=40@40");
  auto too_old = store().Watch("/p/", Revision{5}, nullptr);
  EXPECT_EQ(too_old ? Drain(**too_old) : std::string(ReasonText(too_old.error().reason)),
            "Expired");
}

TEST_P(StoreContract, AWatchFromZeroStartsNowAndOneFromTheFutureWaits) {
  Put("/a", "1");
  auto now = store().Watch("/", Revision{0}, nullptr);
  auto future = store().Watch("/", Revision{4}, nullptr);
  Put("/a", "2");
  Put("/a", "3");
  EXPECT_EQ(Drain(**now), "+/a=2@3 +/a=3@4");
  EXPECT_EQ(Drain(**future), "");
  Put("/a", "4");
  EXPECT_EQ(Drain(**future), "+/a=4@5");
}

TEST_P(StoreContract, AWatchFromTheLastNumberThereIsNeverBegins) {
  auto cursor = store().Watch("/", Revision{UINT64_MAX}, nullptr);
  ASSERT_TRUE(cursor);
  Put("/a", "1");
  EXPECT_EQ(Drain(**cursor), "");
  Put("/a", "2");
  EXPECT_EQ(Drain(**cursor), "");
}

TEST_P(StoreContract, PositionMovesWithWhatDoesNotMatch) {
  auto cursor = store().Watch("/p/", store().Current(), nullptr);
  Put("/q/a", "x");
  Put("/q/b", "x");
  EXPECT_EQ(Drain(**cursor), "");
  EXPECT_EQ((*cursor)->position(), Revision{3});
  Put("/p/a", "x");
  EXPECT_LE((*cursor)->position(), Revision{3}) << "the event was not returned yet";
  Put("/q/a", "x");
  EXPECT_EQ(Drain(**cursor), "+/p/a=x@4");
  EXPECT_EQ((*cursor)->position(), Revision{5});
}

TEST_P(StoreContract, ASlowCursorLosesNothingUntilItIsCompactedAway) {
  auto slow = store().Watch("/p/", store().Current(), nullptr);
  auto slower = store().Watch("/p/", store().Current(), nullptr);
  for (int i = 2; i <= 100; ++i) Put("/p/a", std::to_string(i));
  std::vector<EventPtr> events;
  ASSERT_TRUE((*slow)->Next(1000, events));
  ASSERT_EQ(events.size(), 99u);
  for (uint64_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i]->revision.value, i + 2);
  ASSERT_TRUE(store().Compact(Revision{100}));
  EXPECT_EQ(Drain(**slower), "Expired");
  Put("/p/a", "101");
  EXPECT_EQ(Drain(**slow), "+/p/a=101@101") << "it had kept up";
}

TEST_P(StoreContract, AnIdleCursorIsNotSlow) {
  auto idle = store().Watch("/idle/", store().Current(), nullptr);
  for (int i = 2; i <= 100; ++i) Put("/p/a", std::to_string(i));
  ASSERT_TRUE(store().Compact(Revision{100}));
  Put("/idle/a", "x");
  EXPECT_EQ(Drain(**idle), "+/idle/a=x@101");
}

// Of etcd a write may be visible before whom it concerns is woken.
void AwaitWakes(const std::atomic<int>& wakes, int count) {
  for (int seen = wakes; seen < count; seen = wakes) wakes.wait(seen);
}

TEST_P(StoreContract, AWakeComesOnceForWhatIsNewAndConcernsTheCursor) {
  std::atomic<int> wakes = 0;
  auto cursor = store().Watch("/p/", store().Current(), [&] {
    ++wakes;
    wakes.notify_all();
  });
  EXPECT_EQ(Drain(**cursor), "");
  Put("/q/a", "x");
  EXPECT_EQ(wakes, 0);
  Put("/p/a", "x");
  AwaitWakes(wakes, 1);
  EXPECT_EQ(wakes, 1);
  Put("/p/a", "y");
  EXPECT_EQ(wakes, 1) << "it knows already";
  EXPECT_EQ(Drain(**cursor), "+/p/a=x@3 +/p/a=y@4");
  Put("/p/a", "z");
  AwaitWakes(wakes, 2);
  EXPECT_EQ(wakes, 2);
  cursor->reset();
  Put("/p/a", "end");
  EXPECT_EQ(wakes, 2);
}

TEST_P(StoreContract, AWatcherBesideWritersSeesEveryRevisionOnce) {
  constexpr int kThreads = 4;
  constexpr int kWrites = 100;
  auto cursor = store().Watch("/", store().Current(), nullptr);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) Put(fmt::format("/{}", t), std::to_string(i));
    });
  }
  std::vector<EventPtr> events;
  while (events.size() < kThreads * kWrites) {
    ASSERT_TRUE((*cursor)->Next(16, events));
    // What an event shows, a read shows too.
    if (!events.empty()) {
      const Event& last = *events.back();
      EXPECT_GE(store().Get(last.record->key).value()->modified, last.revision);
    }
  }
  std::map<std::string, int> next;
  for (uint64_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]->revision.value, i + 2);
    EXPECT_EQ(events[i]->record->value, std::to_string(next[events[i]->record->key]++));
  }
}

}  // namespace
}  // namespace skiff
