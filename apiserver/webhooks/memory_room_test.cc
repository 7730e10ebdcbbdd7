#include "apiserver/webhooks/memory_room.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

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

TEST(MemoryRoom, ALargePartIsHadBeforeTheSmallOnesBehindIt) {
  MemoryRoom room(100);
  std::mutex mutex;
  std::vector<std::string> order;
  std::vector<std::thread> others;
  const auto wants = [&](size_t bytes, const char* name) {
    const int before = room.waiting();
    others.emplace_back([&room, &mutex, &order, bytes, name] {
      const auto part = room.Take(bytes);
      const std::lock_guard lock(mutex);
      order.push_back(name);
    });
    while (room.waiting() == before) std::this_thread::yield();
  };
  {
    const auto first = room.Take(60);
    wants(90, "large");
    wants(10, "small");  // Though there is room for it.
    wants(100, "whole");
  }
  for (std::thread& other : others) other.join();
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(order[2], "whole") << "large and small fit beside each other";
  EXPECT_EQ(room.waiting(), 0);
}

TEST(MemoryRoom, ManySmallPartsDoNotKeepALargeOneWaiting) {
  MemoryRoom room(100);
  std::atomic<bool> is_done = false;
  std::vector<std::thread> small;
  for (int i = 0; i < 3; ++i) {
    small.emplace_back([&] {
      while (!is_done) const auto part = room.Take(30);
    });
  }
  for (int i = 0; i < 50; ++i) const auto large = room.Take(100);
  is_done = true;
  for (std::thread& each : small) each.join();
  EXPECT_EQ(room.waiting(), 0);
}

}  // namespace
}  // namespace skiff
