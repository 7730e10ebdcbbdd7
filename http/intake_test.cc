#include "http/intake.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/arrivals.h"

namespace skiff::http {
namespace {

constexpr size_t kKib = 1 << 10;
constexpr Intake::Limits kLimits{.connections_per_address_max = 2,
                                 .bytes_max = 100 * kKib,
                                 .bytes_per_address_max = 60 * kKib,
                                 .known_bytes_max = 50 * kKib};

TEST(Intake, BoundsTheBytesOfAnAddressAndOfAll) {
  Intake intake(kLimits);
  Intake::Share first(intake, "a");
  Intake::Share second(intake, "a");
  Intake::Share other(intake, "b");
  EXPECT_TRUE(first.Resize(40 * kKib));
  EXPECT_FALSE(second.Resize(21 * kKib)) << "60 KiB for an address";
  EXPECT_TRUE(second.Resize(20 * kKib));
  EXPECT_FALSE(other.Resize(41 * kKib)) << "100 KiB for all";
  EXPECT_TRUE(other.Resize(40 * kKib));
  EXPECT_EQ(intake.bytes(), 100 * kKib);
  EXPECT_FALSE(first.Resize(41 * kKib));
  EXPECT_EQ(intake.bytes(), 100 * kKib) << "what was refused is not counted";
  EXPECT_TRUE(first.Resize(10 * kKib));
  EXPECT_TRUE(second.Resize(50 * kKib));
}

TEST(Intake, OrdinaryRequestsAlwaysHaveRoom) {
  Intake intake(kLimits);
  Intake::Share greedy(intake, "a");
  ASSERT_TRUE(greedy.Resize(60 * kKib));
  Intake::Share small(intake, "a");
  EXPECT_TRUE(small.Resize(Intake::kFreeBytes));
  EXPECT_FALSE(small.Resize(Intake::kFreeBytes + 1));
}

TEST(Intake, StrangersDoNotTakeTheRoomOfThoseWhoAreKnown) {
  Intake intake(kLimits);
  Intake::Share greedy(intake, "a");
  ASSERT_TRUE(greedy.Resize(60 * kKib));
  Intake::Share known(intake, "a");
  known.MarkKnown();
  EXPECT_TRUE(known.Resize(50 * kKib));
  EXPECT_FALSE(known.Resize(51 * kKib));
}

TEST(Intake, WhatWasHeldIsGivenBack) {
  Intake intake(kLimits);
  {
    Intake::Share share(intake, "a");
    ASSERT_TRUE(share.Resize(50 * kKib));
    Intake::Share of_request = std::move(share);
    share = of_request.Next();
    EXPECT_TRUE(share.Resize(10 * kKib));
    EXPECT_EQ(intake.bytes(), 60 * kKib);
  }
  EXPECT_EQ(intake.bytes(), 0);
}

TEST(Intake, WhatCanBeDoneWithoutLeavesHalfOfTheRoom) {
  Intake intake(kLimits);
  Intake::Share small(intake, "a");
  EXPECT_TRUE(small.TakeSpare(1 * kKib));
  EXPECT_EQ(intake.bytes(), 1 * kKib) << "none of it is free";
  Intake::Share next = small.Next();
  EXPECT_FALSE(next.TakeSpare(30 * kKib)) << "60 KiB for an address";
  EXPECT_TRUE(next.TakeSpare(29 * kKib));
  Intake::Share other(intake, "b");
  EXPECT_FALSE(other.TakeSpare(21 * kKib)) << "100 KiB for all";
  EXPECT_TRUE(Intake::Share(intake, "a").Resize(30 * kKib));
}

TEST(Intake, BoundsTheConnectionsOfAnAddress) {
  Intake intake(kLimits);
  EXPECT_TRUE(intake.Connect("a"));
  EXPECT_TRUE(intake.Connect("a"));
  EXPECT_FALSE(intake.Connect("a"));
  EXPECT_TRUE(intake.Connect("b"));
  intake.Disconnect("a");
  EXPECT_TRUE(intake.Connect("a"));
}

TEST(Arrivals, TheOldestMakesRoomOnceItHadItsTime) {
  Arrivals<int> arrivals({.total = 4, .per_address = 2});
  std::vector<int> connections(8);
  for (size_t i = 0; i < 3; ++i) arrivals.Add(connections[i], "a", 0s);
  EXPECT_EQ(arrivals.ToMakeRoom(1min), nullptr) << "there is room, whosever they are";
  arrivals.Add(connections[3], "a", 1s);
  EXPECT_EQ(arrivals.ToMakeRoom(1s), nullptr) << "a moment is given to all";
  EXPECT_EQ(arrivals.ToMakeRoom(2s), &connections[0]);
  for (size_t i = 4; i < 8; ++i) arrivals.Add(connections[i], "a", 1s);
  EXPECT_EQ(arrivals.ToMakeRoom(1s), &connections[0]) << "twice as many are too many at once";
}

TEST(Arrivals, WhoHasMoreThanHisPartMakesRoomFirst) {
  Arrivals<int> arrivals({.total = 4, .per_address = 2});
  std::vector<int> connections(5);
  arrivals.Add(connections[0], "b", 0s);
  for (size_t i = 1; i < 4; ++i) arrivals.Add(connections[i], "a", 1s);
  EXPECT_EQ(arrivals.ToMakeRoom(2s), nullptr) << "not for one of these";
  EXPECT_EQ(arrivals.ToMakeRoom(3s), &connections[1]);
  arrivals.Remove(connections[1]);
  arrivals.Add(connections[4], "c", 1s);
  EXPECT_EQ(arrivals.ToMakeRoom(2s), &connections[0]) << "nobody has too many: the oldest of all";
}

TEST(Arrivals, WhoHasAskedNoLongerCounts) {
  Arrivals<int> arrivals({.total = 2, .per_address = 2});
  std::vector<int> connections(3);
  arrivals.Add(connections[0], "a", 0s);
  arrivals.Add(connections[1], "b", 0s);
  arrivals.Remove(connections[0]);
  arrivals.Remove(connections[0]);
  EXPECT_EQ(arrivals.size(), 1);
  EXPECT_EQ(arrivals.ToMakeRoom(1min), nullptr);
  arrivals.Add(connections[2], "a", 1s);
  EXPECT_EQ(arrivals.ToMakeRoom(1min), &connections[1]);
}

}  // namespace
}  // namespace skiff::http
