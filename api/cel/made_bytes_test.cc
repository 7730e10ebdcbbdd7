#include "api/cel/made_bytes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "api/cel/program.h"
#include "api/cel/text_lists.h"

namespace skiff::cel {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

void Await(const MadeRoom& room, int waiting) {
  while (room.waiting() != waiting) std::this_thread::yield();
}

TEST(MadeRoomTest, TheLargestHolderWaitsForNothing) {
  MadeRoom room(16, 8);
  MadeRoom::Holder large, small, third;
  // Each of them on a thread of its own, as judgements are.
  std::thread([&] { EXPECT_TRUE(room.Take(large, 6)); }).join();
  std::thread([&] { EXPECT_TRUE(room.Take(small, 4)); }).join();
  std::thread([&] { EXPECT_TRUE(room.Take(third, 4)); }).join();
  std::atomic<bool> given = false;
  // With one more the two that are not the largest would leave that less than it may need.
  std::thread waiter([&] {
    EXPECT_TRUE(room.Take(third, 1));
    given = true;
  });
  Await(room, 1);
  EXPECT_FALSE(given);
  std::thread([&] { EXPECT_TRUE(room.Take(large, 2)); }).join();
  EXPECT_EQ(room.held(), 16u);
  std::thread([&] { room.GiveBack(large, 8); }).join();
  waiter.join();
  EXPECT_TRUE(given);
  std::thread([&] { room.GiveBack(small, 4); }).join();
  std::thread([&] { room.GiveBack(third, 5); }).join();
  EXPECT_EQ(room.held(), 0u);
}

// However many take pieces of it, all of them come to their end.
TEST(MadeRoomTest, HoldersThatGrowTogetherAllEnd) {
  MadeRoom room(32, 16);
  std::vector<std::thread> threads;
  std::atomic<bool> within = true;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 200; ++turn) {
        MadeRoom::Holder holder;
        for (int piece = 0; piece < 16; ++piece) {
          EXPECT_TRUE(room.Take(holder, 1));
          if (room.held() > 32) within = false;
        }
        room.GiveBack(holder, 16);
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_TRUE(within);
  EXPECT_EQ(room.held(), 0u);
}

// Fills the room, so that nobody else gets any.
class FullRoom {
 public:
  explicit FullRoom(std::chrono::nanoseconds patience = std::chrono::hours(1))
      : room_(16, 8, patience) {
    for (MadeRoom::Holder& each : holders_) {
      std::thread([&] { EXPECT_TRUE(room_.Take(each, 8)); }).join();
    }
  }
  MadeRoom& room() { return room_; }
  void Empty() {
    for (MadeRoom::Holder& each : holders_) {
      std::thread([&] { room_.GiveBack(each, 8); }).join();
    }
  }

 private:
  MadeRoom room_;
  MadeRoom::Holder holders_[2];
};

TEST(MadeRoomTest, WhoIsToldToGiveUpWaitsNoLonger) {
  FullRoom full;
  MadeRoom::Holder holder;
  {
    const GiveUpScope late([] { return true; });
    EXPECT_FALSE(full.room().Take(holder, 1));
    EXPECT_FALSE(late.crowded()) << "who did not wait has nobody else to blame";
  }
  int asked = 0;
  const GiveUpScope scope([&] { return ++asked == 3; });
  EXPECT_FALSE(full.room().Take(holder, 1));
  EXPECT_EQ(asked, 3);
  EXPECT_TRUE(scope.crowded()) << "the room is what took his time";
}

// Until then he keeps what he holds from the others.
TEST(MadeRoomTest, WhoWaitsTooLongGivesUpIfSomebodyWaitsForHim) {
  FullRoom full(std::chrono::nanoseconds(1));
  int asked = 0;
  const GiveUpScope scope([&] { return ++asked == 100; });
  MadeRoom::Holder holder;
  EXPECT_FALSE(full.room().Take(holder, 1));
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(scope.crowded());
  {
    const GiveUpScope next([&] { return ++asked == 100; });
    EXPECT_FALSE(full.room().Take(holder, 1));
    EXPECT_EQ(asked, 3) << "his patience is for all that he takes";
    EXPECT_TRUE(next.crowded());
  }
  std::atomic<bool> given = false;
  std::thread waiter([&] {
    MadeRoom::Holder patient;
    EXPECT_TRUE(full.room().Take(patient, 1));
    given = true;
    full.room().GiveBack(patient, 1);
  });
  Await(full.room(), 1);
  EXPECT_FALSE(given);
  full.Empty();
  waiter.join();
}

TEST(MadeRoomTest, TimeThatTheRoomTookIsNoSlowness) {
  const auto is_crowded_when_late = [] {
    const GiveUpScope inner([] { return true; });
    EXPECT_TRUE(AskedToGiveUp());
    return inner.crowded();
  };
  {
    const GiveUpScope scope([] { return false; });
    EXPECT_FALSE(is_crowded_when_late());
    EXPECT_FALSE(scope.crowded());
    EXPECT_TRUE(Look());
    {
      const GiveUpScope inner([] { return false; });
      WaitedForMemory();
    }
    EXPECT_TRUE(is_crowded_when_late());
    EXPECT_TRUE(scope.crowded()) << "the scope around it hears of that";
    EXPECT_FALSE(Look());
  }
  EXPECT_FALSE(is_crowded_when_late()) << "that was another request";
}

TEST(MadeRoomTest, NobodyWaitsForOneThatIsAway) {
  FullRoom full;
  const GiveUpScope scope([] { return false; });
  MadeRoom::Holder holder;
  full.room().Leave();
  EXPECT_FALSE(full.room().Take(holder, 1));
  EXPECT_TRUE(scope.crowded());
  full.room().Return();
  // Nor one that was there before it went.
  std::thread waiter([&] {
    const GiveUpScope inner([] { return false; });
    EXPECT_FALSE(full.room().Take(holder, 1));
    EXPECT_TRUE(inner.crowded());
    EXPECT_FALSE(Look()) << "nothing more is evaluated";
  });
  Await(full.room(), 1);
  full.room().Leave();
  waiter.join();
}

TEST(MadeRoomTest, AnEvaluationWithinAnotherWaitsForNothing) {
  FullRoom full;
  MadeRoom other(16, 8);
  const GiveUpScope outermost([] { return false; });
  {
    const GiveUpScope scope([] { return false; });
    MadeRoom::Holder outer, inner;
    EXPECT_TRUE(other.Take(outer, 1));
    EXPECT_TRUE(other.Take(inner, 1)) << "where there is room it gets some";
    EXPECT_FALSE(full.room().Take(inner, 1));
    EXPECT_TRUE(scope.crowded());
    other.GiveBack(inner, 1);
    other.GiveBack(outer, 1);
  }
  EXPECT_TRUE(outermost.crowded());
  EXPECT_FALSE(Look());
}

TEST(MadeBytesTest, LittleIsMadeWithoutAsking) {
  FullRoom full;
  MadeBytes made(full.room());
  EXPECT_TRUE(made.Add(kMadeBytesFree));
  full.room().Leave();
  EXPECT_FALSE(made.Add(1));
}

TEST(MadeBytesTest, WhatIsNotUsedAnyMoreIsForOthers) {
  MadeRoom room(64 * kMegabyte, 32 * kMegabyte);
  {
    MadeBytes made(room);
    EXPECT_TRUE(made.Add(9 * kMegabyte));
    EXPECT_EQ(room.held(), 8 * kMegabyte);
    made.TakeBack(5 * kMegabyte);
    made.Settle();
    EXPECT_EQ(room.held(), 3 * kMegabyte);
    EXPECT_TRUE(made.AddScratch(2 * kMegabyte));
    EXPECT_TRUE(made.EndCall());
    EXPECT_EQ(made.count(), 4 * kMegabyte);
  }
  EXPECT_EQ(room.held(), 0u);
  MadeBytes most(room);
  EXPECT_FALSE(most.AddScratch(kMadeBytesMax + 1));
  EXPECT_FALSE(most.EndCall());
  EXPECT_TRUE(most.EndCall());
}

// What the value of an expression holds, whose variable is the text.
size_t KeptOf(const std::string& text, std::string_view expression, size_t items) {
  const auto program = Compile(expression, Environment::Kubernetes({{"text", types::String()}}));
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return 0;
  const Value bindings[] = {Value::StringView(text)};
  MadeBytes made;
  const Outcome outcome = (*program)->Eval(bindings, UINT64_MAX, &made);
  EXPECT_EQ(outcome.value.Size(), items) << outcome.value.text();
  return made.count();
}

TEST(MadeBytesTest, PartsOfATextTakeEightBytes) {
  constexpr size_t kSize = 900000;
  const std::string text(kSize, 'a');
  for (const char* expression : {"text.split('')", "text.findAll('a')"}) {
    const size_t kept = KeptOf(text, expression, kSize);
    EXPECT_GE(kept, 8 * kSize) << expression;
    EXPECT_LT(kept, 20 * kSize) << expression;
  }
}

TEST(MadeBytesTest, PartsOfATextCountWhileTheyAreGathered) {
  FullRoom full;
  MadeBytes made(full.room());
  const std::string text(1, 'a');
  made_of_thread = &made;
  {
    TextParts parts(Value::StringView(text));
    parts.Reserve(1000);
    EXPECT_EQ(made.count(), 8000u);
    while (parts.size() < 4000) parts.Add(text);
    EXPECT_GE(made.count(), 8 * parts.size());
    full.room().Leave();  // Nobody waits.
    while (!parts.IsTooLong()) parts.Add(text);
    EXPECT_LT(8 * parts.size(), 2 * kMadeBytesFree) << "no more are gathered";
  }
  EXPECT_FALSE(made.EndCall());
  made_of_thread = nullptr;
}

TEST(MadeBytesTest, ListsAndMapsWithinListsCount) {
  const size_t flat = KeptOf("", "lists.range(1000).map(i, i)", 1000);
  const size_t lists = KeptOf("", "lists.range(1000).map(i, [i])", 1000);
  EXPECT_GE(lists, flat + 1000 * (kListBytes + sizeof(Value)));
  const size_t maps = KeptOf("", "lists.range(1000).map(i, {i: i})", 1000);
  EXPECT_GE(maps, flat + 1000 * (kMapBytes + kEntryBytes));
  const size_t texts = KeptOf("", "lists.range(1000).map(i, string(i))", 1000);
  EXPECT_GE(texts, flat + 1000 * kTextBytes);
  const size_t optionals = KeptOf("", "lists.range(1000).map(i, lists.range(1)[?0])", 1000);
  EXPECT_GE(optionals, flat + 1000 * kListBytes);
}

// Each of them alone may make as much.
TEST(MadeBytesTest, EvaluationsSideBySideStayWithinTheRoom) {
  const auto program =
      Compile("[lists.range(900000), lists.range(900000)].size() > 0", Environment::Kubernetes({}));
  ASSERT_TRUE(program) << program.error().message;
  std::atomic<bool> within = true;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      const bool holds = (*program)->Eval({}, UINT64_MAX).value.IsTrue();
      if (MadeRoom::OfProcess().held() > kMadeRoomBytes) within = false;
      done += holds ? 1 : 0;
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_TRUE(within);
  EXPECT_EQ(done, 5);
  EXPECT_EQ(MadeRoom::OfProcess().held(), 0u);
}

}  // namespace
}  // namespace skiff::cel
