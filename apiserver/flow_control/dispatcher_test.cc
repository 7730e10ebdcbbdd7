// Priority levels beside each other: seats, slots, and what becomes of both when they change.
#include "apiserver/flow_control/dispatcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace skiff::flow_control {
namespace {

LevelSpec LevelOf(const std::string& name, int shares, int queues = 64) {
  return {.name = name,
          .shares = {.nominal = shares},
          .shape = {.queues = queues, .hand_size = queues == 0 ? 0 : 6, .queue_length_max = 50}};
}

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() { Configure({LevelOf("high", 40), LevelOf("low", 40)}); }

  void Configure(std::vector<LevelSpec> specs) { dispatcher_.Configure(std::move(specs), now_); }
  QueueSet::Verdict Ask(const std::string& level, uint64_t flow, bool reads = true) {
    auto turn = std::make_unique<Turn>();
    turn->flow = flow * 0x9e3779b97f4a7c15;
    turn->level = dispatcher_.Find(level);
    turn->reads = reads;
    const auto verdict = dispatcher_.Enqueue(*turn, now_);
    if (verdict == QueueSet::Verdict::kWaits) turns_.push_back(std::move(turn));
    return verdict;
  }
  // Lets begin whoever may; how many of them are of that level.
  int StartAll(const std::string& level) {
    int count = 0;
    while (Turn* next = dispatcher_.StartNext(now_)) {
      count += next->level->spec.name == level;
      running_.push_back(next);
    }
    return count;
  }
  void FinishOldest() {
    Turn* oldest = running_.front();
    running_.erase(running_.begin());
    dispatcher_.Finish(*oldest, now_);
    std::erase_if(turns_, [&](const auto& each) { return each.get() == oldest; });
  }
  // Names of the levels in the order in which their requests begin, a slot at a time.
  std::string Order(int count) {
    std::string order;
    while (count-- > 0 && !running_.empty()) {
      now_ += 3ms;
      FinishOldest();
      while (Turn* next = dispatcher_.StartNext(now_)) {
        order += next->level->spec.name[0];
        running_.push_back(next);
      }
    }
    return order;
  }

  Duration now_ = 100s;
  Dispatcher dispatcher_{{.seats = 600, .read_slots = 6, .write_slots = 24}, now_};
  std::vector<std::unique_ptr<Turn>> turns_;
  std::vector<Turn*> running_;
};

TEST_F(DispatcherTest, AFloodOfOneFlowTakesHalfOfTheSlots) {
  for (int i = 0; i < 100; ++i) Ask("low", 1);
  EXPECT_EQ(StartAll("low"), 3);
  // Its neighbour in the same level begins at once, and so does somebody of another.
  Ask("low", 2);
  EXPECT_EQ(StartAll("low"), 1);
  Ask("high", 3);
  EXPECT_EQ(StartAll("high"), 1);
}

TEST_F(DispatcherTest, AFloodOfManyFlowsLeavesRoomForOtherLevels) {
  for (uint64_t flow = 0; flow < 100; ++flow) Ask("low", flow);
  EXPECT_EQ(StartAll("low"), 4);
  Ask("high", 1000);
  EXPECT_EQ(StartAll("high"), 1);
}

TEST_F(DispatcherTest, WritesDoNotWaitForReads) {
  for (int i = 0; i < 100; ++i) Ask("low", 1);
  StartAll("low");
  for (int i = 0; i < 40; ++i) Ask("low", 2, false);
  EXPECT_EQ(StartAll("low"), 12);
}

// Many writes wait for the disk together, but few want a processor: whoever comes beside a flood
// finds one, and is next.
TEST_F(DispatcherTest, AFloodOfWritesIsJudgedAFewAtATime) {
  Dispatcher::Options options{.seats = 600, .write_slots = 24, .judging_slots = 4};
  Dispatcher few(options, now_);
  few.Configure({LevelOf("low", 40)}, now_);
  std::vector<std::unique_ptr<Turn>> turns;
  const auto ask = [&](uint64_t flow) -> Turn& {
    Turn& turn = *turns.emplace_back(std::make_unique<Turn>());
    turn.flow = flow * 0x9e3779b97f4a7c15;
    turn.level = few.Find("low");
    turn.reads = false;
    EXPECT_EQ(few.Enqueue(turn, now_), QueueSet::Verdict::kWaits);
    return turn;
  };
  std::vector<Turn*> judged;
  for (int i = 0; i < 32; ++i) ask(1);
  while (Turn* next = few.StartNext(now_)) judged.push_back(next);
  EXPECT_EQ(judged.size(), 2u);
  Turn& quiet = ask(2);
  EXPECT_EQ(few.StartNext(now_), &quiet);
  EXPECT_EQ(few.StartNext(now_), nullptr);
  few.EndJudging(quiet);
  // As many as there are slots for wait for the disk.
  while (!judged.empty()) {
    few.EndJudging(*judged.back());
    judged.pop_back();
    while (Turn* next = few.StartNext(now_)) judged.push_back(next);
  }
  const auto begun = std::count_if(turns.begin(), turns.end(),
                                   [](const auto& turn) { return turn->has_slot; });
  EXPECT_EQ(begun, 12 + 1);
  for (const auto& turn : turns) {
    if (turn->has_slot) few.Finish(*turn, now_);
  }
  EXPECT_NE(few.StartNext(now_), nullptr);
}

TEST_F(DispatcherTest, LevelsThatFloodGetOnByTheirSeats) {
  Configure({LevelOf("high", 300), LevelOf("low", 100)});
  for (uint64_t i = 0; i < 300; ++i) {
    Ask("high", i % 7);
    Ask("low", 100 + i % 7);
  }
  StartAll("low");
  const std::string order = Order(200);
  const auto high = static_cast<double>(std::count(order.begin(), order.end(), 'h'));
  EXPECT_NEAR(high / static_cast<double>(order.size()), 0.75, 0.1) << order;
}

TEST_F(DispatcherTest, WhoLeavesHisWorkerKeepsHisSeat) {
  Configure({LevelOf("low", 1, 0)});
  for (int i = 0; i < 3; ++i) Ask("low", 1);
  ASSERT_EQ(StartAll("low"), 3);
  Ask("low", 1);
  EXPECT_EQ(StartAll("low"), 0);
  dispatcher_.LeaveSlot(*running_.front());
  EXPECT_EQ(StartAll("low"), 1);
  EXPECT_EQ(dispatcher_.Find("low")->set.seats_in_use(), 4);
  while (!running_.empty()) FinishOldest();
  EXPECT_TRUE(dispatcher_.Find("low")->set.idle());
}

TEST_F(DispatcherTest, ALevelThatIsGoneEndsWhatItHas) {
  for (int i = 0; i < 5; ++i) Ask("low", 1);
  StartAll("low");
  const auto low = dispatcher_.Find("low");
  Configure({LevelOf("high", 40)});
  EXPECT_EQ(dispatcher_.Find("low"), nullptr);
  EXPECT_EQ(low->set.waiting(), 2);
  while (!running_.empty()) {
    FinishOldest();
    StartAll("low");
  }
  EXPECT_TRUE(turns_.empty());
  EXPECT_EQ(dispatcher_.levels().size(), 1u);
  // A request that was told of it before is served all the same.
  auto late = std::make_unique<Turn>();
  late->level = low;
  dispatcher_.Enqueue(*late, now_);
  turns_.push_back(std::move(late));
  EXPECT_EQ(StartAll("low"), 1);
  FinishOldest();
  EXPECT_EQ(dispatcher_.levels().size(), 1u);
}

TEST_F(DispatcherTest, SeatsFollowWhatIsAskedFor) {
  LevelSpec high = LevelOf("high", 40);
  high.shares.lendable_percent = 50;
  Configure({high, LevelOf("low", 40)});
  const auto low = dispatcher_.Find("low");
  for (uint64_t i = 0; i < 500; ++i) Ask("low", i);
  StartAll("low");
  now_ += kAdjustPeriod;
  EXPECT_TRUE(dispatcher_.Adjust(now_));
  EXPECT_EQ(dispatcher_.Find("high")->set.seats_max(), 150);
  EXPECT_EQ(low->set.seats_max(), 450);
  for (const auto& turn : turns_) {
    if (turn->waits) dispatcher_.Remove(*turn, now_);
  }
  while (!running_.empty()) FinishOldest();
  now_ += kAdjustPeriod;
  dispatcher_.Adjust(now_);
  now_ += 2h;
  EXPECT_FALSE(dispatcher_.Adjust(now_)) << "nobody has asked for anything";
}

}  // namespace
}  // namespace skiff::flow_control
