// Fair queueing: who is served, who waits, who is refused; and that it stays so whatever comes.
#include "apiserver/flow_control/queue_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

namespace skiff::flow_control {
namespace {

const QueueSet::MayRun kAnybody = [](const QueuedRequest&) { return true; };

// A level whose requests take as long as they are told to.
class Served {
 public:
  Served(QueueSet::Shape shape, int seats) : set(shape, seats, 0s) {}

  struct Request : QueuedRequest {
    Duration length = 1ms;
    Duration ends = kNever;
  };
  QueueSet::Verdict Ask(uint64_t flow, Duration length = 1ms, Work work = {}) {
    auto request = std::make_unique<Request>();
    request->flow = flow;
    request->work = work;
    request->length = length;
    const auto verdict = set.Enqueue(*request, now);
    if (verdict != QueueSet::Verdict::kWaits) return verdict;
    requests.push_back(std::move(request));
    Start();
    return verdict;
  }
  void Start() {
    while (QueuedRequest* next = set.StartNext(now, kAnybody)) {
      auto& request = static_cast<Request&>(*next);
      request.ends = now + request.length;
      order.push_back(request.flow);
      served[request.flow] += std::chrono::duration<double>(request.length).count() *
                              request.work.initial_seats;
    }
  }
  // Until the next request is done, or seats come free; false when nothing is under way.
  bool Advance() {
    const auto first = std::min_element(
        requests.begin(), requests.end(),
        [](const auto& a, const auto& b) { return a->ends < b->ends; });
    const Duration ends = first == requests.end() ? kNever : (*first)->ends;
    const Duration next = std::min(ends, set.next_release());
    if (next == kNever) return false;
    now = std::max(now, next);
    if (ends <= now) {
      set.Finish(**first, now);
      requests.erase(first);
    }
    Start();
    return true;
  }
  size_t CountOf(uint64_t flow) const {
    return static_cast<size_t>(std::count(order.begin(), order.end(), flow));
  }

  Duration now = 0s;
  QueueSet set;
  std::vector<std::unique_ptr<Request>> requests;
  std::vector<uint64_t> order;  // Flows of requests, as they began.
  std::map<uint64_t, double> served;
};

// Flows of one queue each, all different.
constexpr QueueSet::Shape kOneQueueEach{.queues = 8, .hand_size = 1, .queue_length_max = 1000};

TEST(QueueSetTest, AHandIsOfDistinctQueuesAndUsesAllOfThem) {
  std::mt19937_64 random(3);
  std::map<int, int> dealt;
  for (int round = 0; round < 6400; ++round) {
    int hand[kHandMax];
    const int size = DealHand(random(), 64, 6, hand);
    ASSERT_EQ(size, 6);
    const std::set<int> distinct(hand, hand + size);
    ASSERT_EQ(distinct.size(), 6u);
    for (const int card : distinct) {
      ASSERT_GE(card, 0);
      ASSERT_LT(card, 64);
      ++dealt[card];
    }
  }
  EXPECT_EQ(dealt.size(), 64u);
  for (const auto& [card, count] : dealt) EXPECT_NEAR(count, 600, 150) << card;
  int hand[kHandMax];
  EXPECT_EQ(DealHand(random(), 3, 9, hand), 3) << "no more than there are";
}

TEST(QueueSetTest, WithoutQueuesWhoFindsNoSeatIsRefused) {
  Served level({}, 2);
  EXPECT_EQ(level.Ask(1), QueueSet::Verdict::kWaits);
  EXPECT_EQ(level.Ask(2), QueueSet::Verdict::kWaits);
  EXPECT_EQ(level.set.executing(), 2);
  EXPECT_EQ(level.Ask(3), QueueSet::Verdict::kConcurrencyLimit);
  level.Advance();
  EXPECT_EQ(level.Ask(3), QueueSet::Verdict::kWaits);
}

TEST(QueueSetTest, AFullQueueTakesNoMore) {
  Served level({.queues = 1, .hand_size = 1, .queue_length_max = 3}, 1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(level.Ask(1), QueueSet::Verdict::kWaits) << i;
  EXPECT_EQ(level.Ask(1), QueueSet::Verdict::kQueueFull);
  level.Advance();
  EXPECT_EQ(level.Ask(1), QueueSet::Verdict::kWaits);
}

TEST(QueueSetTest, FlowsThatAlwaysWaitGetEqualTime) {
  Served level(kOneQueueEach, 2);
  // The first asks for long things, the second for short ones, the third for wide ones.
  const std::map<uint64_t, Duration> lengths = {{0, 40ms}, {1, 2ms}, {2, 10ms}};
  const auto ask = [&](uint64_t flow) {
    level.Ask(flow, lengths.at(flow), {.initial_seats = flow == 2 ? 2 : 1});
  };
  for (int i = 0; i < 20; ++i) {
    for (const auto& [flow, length] : lengths) ask(flow);
  }
  while (level.now < 20s) {
    const size_t before = level.order.size();
    level.Advance();
    for (size_t i = before; i < level.order.size(); ++i) ask(level.order[i]);
  }
  const double least = std::min({level.served[0], level.served[1], level.served[2]});
  const double most = std::max({level.served[0], level.served[1], level.served[2]});
  EXPECT_GT(least, 0.85 * most) << level.served[0] << " " << level.served[1] << " "
                                << level.served[2];
}

TEST(QueueSetTest, WhoAsksNowAndThenDoesNotWaitForAFlood) {
  Served level({.queues = 64, .hand_size = 6, .queue_length_max = 50}, 4);
  std::mt19937_64 random(5);
  const uint64_t flood = random();
  const uint64_t quiet = random();
  for (int i = 0; i < 200; ++i) level.Ask(flood, 5ms);
  size_t longest = 0;
  for (int round = 0; round < 100; ++round) {
    level.Ask(quiet);
    const size_t asked_at = level.order.size();
    const size_t before = level.CountOf(quiet);
    while (level.CountOf(quiet) == before) {
      const size_t seen = level.order.size();
      ASSERT_TRUE(level.Advance());
      for (size_t i = seen; i < level.order.size(); ++i) {
        if (level.order[i] == flood) level.Ask(flood, 5ms);
      }
    }
    longest = std::max(longest, level.order.size() - asked_at);
    // The flood is refilled meanwhile.
    for (int i = 0; i < 30; ++i) {
      const size_t seen = level.order.size();
      level.Advance();
      for (size_t j = seen; j < level.order.size(); ++j) {
        if (level.order[j] == flood) level.Ask(flood, 5ms);
      }
    }
  }
  // Of 200 that wait, those of one flow lie in the six queues of its hand.
  EXPECT_LE(longest, 8u);
}

TEST(QueueSetTest, AWideOneIsNotOvertakenForEver) {
  Served level(kOneQueueEach, 4);
  for (uint64_t flow = 0; flow < 4; ++flow) level.Ask(flow, 5ms);
  level.Ask(5, 5ms, {.initial_seats = 4});
  for (int i = 0; i < 40; ++i) {
    level.Ask(static_cast<uint64_t>(i % 4), 5ms);
    level.Advance();
    if (level.CountOf(5) == 1) break;
  }
  EXPECT_EQ(level.CountOf(5), 1u);
}

TEST(QueueSetTest, WhoWantsMoreThanThereIsIsServedAlone) {
  Served level(kOneQueueEach, 2);
  level.Ask(1, 5ms);
  level.Ask(2, 5ms, {.initial_seats = 7});
  EXPECT_EQ(level.set.executing(), 1);
  level.Advance();
  EXPECT_EQ(level.set.executing(), 1);
  EXPECT_EQ(level.set.seats_in_use(), 7);
  level.Ask(3);
  EXPECT_EQ(level.set.waiting(), 1);
}

TEST(QueueSetTest, SeatsThatAWriteGoesOnHoldingComeFreeByThemselves) {
  Served level(kOneQueueEach, 3);
  level.Ask(1, 1ms, {.final_seats = 3, .after = 50ms});
  level.Ask(2);
  level.Advance();
  EXPECT_EQ(level.now, 1ms);
  EXPECT_EQ(level.set.executing(), 0);
  EXPECT_EQ(level.set.seats_in_use(), 3);
  EXPECT_EQ(level.set.next_release(), 51ms);
  level.Advance();
  EXPECT_EQ(level.CountOf(2), 1u);
  EXPECT_EQ(level.set.seats_in_use(), 1);
}

TEST(QueueSetTest, QueuesThatMayNotRunArePassedOver) {
  QueueSet set(kOneQueueEach, 4, 0s);
  QueuedRequest first, second;
  first.flow = 1;
  second.flow = 2;
  set.Enqueue(first, 0s);
  set.Enqueue(second, 0s);
  const QueueSet::MayRun not_the_first = [](const QueuedRequest& each) { return each.flow != 1; };
  EXPECT_EQ(set.StartNext(0s, not_the_first), &second);
  EXPECT_EQ(set.StartNext(0s, not_the_first), nullptr);
  EXPECT_EQ(set.StartNext(0s, kAnybody), &first);
}

// Whoever may write such an object would else stop everybody for seconds, and take a gigabyte.
TEST(QueueSetTest, QueuesThatHaveNothingTakeNothing) {
  constexpr QueueSet::Shape kMillions{.queues = 10'000'000, .hand_size = 1, .queue_length_max = 5};
  std::vector<std::unique_ptr<QueueSet>> sets;
  for (int i = 0; i < 2000; ++i) {
    sets.push_back(std::make_unique<QueueSet>(QueueSet::Shape{}, 1, 0s));
    sets.back()->Reshape(kMillions, 0s);
  }
  Served level(kMillions, 1);
  for (uint64_t flow = 0; flow < 20; ++flow) level.Ask(flow * 1'234'567);
  EXPECT_EQ(level.set.States().size(), 20u) << "of so many, those that have anything are shown";
  EXPECT_EQ(level.set.Backlog().size(), 19u);
  while (level.Advance()) {
  }
  EXPECT_TRUE(level.set.States().empty());
}

TEST(QueueSetTest, WhatIsInHandOutlivesItsQueues) {
  Served level({.queues = 8, .hand_size = 1, .queue_length_max = 10}, 1);
  for (uint64_t flow = 0; flow < 8; ++flow) level.Ask(flow);
  level.set.Reshape({.queues = 2, .hand_size = 1, .queue_length_max = 10}, level.now);
  EXPECT_EQ(level.set.waiting(), 7);
  while (level.Advance()) {
  }
  EXPECT_EQ(level.order.size(), 8u);
  EXPECT_TRUE(level.set.idle());
  level.set.Reshape({}, level.now);
  EXPECT_EQ(level.Ask(7), QueueSet::Verdict::kWaits);
  EXPECT_EQ(level.set.executing(), 1);
}

// Whatever comes, in whatever order: no more seats than there are, everybody is served in the end,
// within a queue in the order of arrival, and the books are even.
TEST(QueueSetTest, RandomSchedulesStarveNobody) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const int seats = 1 + static_cast<int>(random() % 6);
    const int queues = 1 + static_cast<int>(random() % 16);
    const int hand = 1 + static_cast<int>(random() % static_cast<uint64_t>(queues));
    Served level({.queues = queues, .hand_size = hand, .queue_length_max = 40}, seats);
    std::vector<uint64_t> flows(5);
    for (uint64_t& flow : flows) flow = random();
    size_t taken = 0;
    size_t removed = 0;
    for (int step = 0; step < 600; ++step) {
      Work work{.initial_seats = 1 + static_cast<int>(random() % 3)};
      if (random() % 4 == 0) work = {.final_seats = 2, .after = 3ms};
      const Duration length = std::chrono::microseconds(random() % 9000);
      taken += level.Ask(flows[random() % 5], length, work) == QueueSet::Verdict::kWaits;
      if (random() % 3 == 0) level.Advance();
      if (random() % 10 == 0) {
        const auto waits = std::find_if(level.requests.begin(), level.requests.end(),
                                        [](const auto& each) { return each->waits; });
        if (waits != level.requests.end()) {
          level.set.Remove(**waits, level.now);
          level.requests.erase(waits);
          ++removed;
        }
      }
      ASSERT_LE(level.set.seats_in_use(), std::max(seats, 3)) << seed;
    }
    int rounds = 0;
    while (level.Advance()) ASSERT_LT(++rounds, 10'000) << seed;
    EXPECT_EQ(level.order.size() + removed, taken) << seed;
    EXPECT_TRUE(level.set.idle()) << seed;
    EXPECT_EQ(level.set.active_queues(), 0) << seed;
    EXPECT_EQ(level.set.seats_waited_for(), 0) << seed;
    for (const auto& queue : level.set.States()) {
      EXPECT_EQ(queue.work, 0);
      EXPECT_EQ(queue.seats, 0);
    }
  }
}

}  // namespace
}  // namespace skiff::flow_control
