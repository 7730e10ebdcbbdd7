#include "client/hands.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>

namespace skiff {
namespace {

TEST(HandsTest, WithoutAnExecutorTheCallerDoesEverythingInOrder) {
  Hands hands(4);
  std::vector<int> done;
  hands.Run(5, [&](int index) { done.push_back(index); });
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(HandsTest, SeveralCallsRunAtOnce) {
  ThreadExecutor executor("hands", 4);
  Hands hands(3);
  hands.Start(executor);
  // Each call waits until all four run: it would hang if they did not.
  std::atomic<int> running = 0;
  std::promise<void> all_run;
  const auto everybody = all_run.get_future().share();
  hands.Run(4, [&](int) {
    if (++running == 4) all_run.set_value();
    everybody.wait();
  });
  EXPECT_EQ(running, 4);
  hands.Stop();
}

TEST(HandsTest, EachCallIsMadeOnceWhoeverAsks) {
  ThreadExecutor executor("hands", 8);
  Hands hands(4);
  hands.Start(executor);
  std::vector<std::future<std::multiset<int>>> askers;
  for (int asker = 0; asker < 4; ++asker) {
    askers.push_back(std::async(std::launch::async, [&hands] {
      std::mutex mutex;
      std::multiset<int> seen;
      hands.Run(100, [&](int index) {
        const std::lock_guard lock(mutex);
        seen.insert(index);
      });
      return seen;
    }));
  }
  for (auto& asker : askers) {
    const auto seen = asker.get();
    EXPECT_EQ(seen.size(), 100u);
    EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 100u);
  }
  hands.Stop();
}

}  // namespace
}  // namespace skiff
