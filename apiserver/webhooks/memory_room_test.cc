#include "apiserver/webhooks/memory_room.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace skiff {
namespace {

TEST(MemoryRoom, WhoFindsTooLittleLeftWaitsForOthers) {
  MemoryRoom room(100);
  std::atomic<bool> has_room = false;
  std::thread other;
  {
    const auto first = room.Take(60);
    const auto second = room.Take(40);
    other = std::thread([&] {
      const auto third = room.Take(1);
      EXPECT_TRUE(has_room);
    });
    while (room.waiting() == 0) std::this_thread::yield();
    has_room = true;
  }
  other.join();
  EXPECT_EQ(room.waiting(), 0);
}

TEST(MemoryRoom, WhoIsAloneGetsWhatHeLikes) {
  MemoryRoom room(100);
  for (int i = 0; i < 2; ++i) const auto all = room.Take(1000);
  EXPECT_EQ(room.waiting(), 0);
}

}  // namespace
}  // namespace skiff
