#include "apiserver/storage/key_counts.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace skiff {
namespace {

// In which order keys go is for clients to choose.
TEST(KeyCounts, BlocksGoWithTheirKeysInWhateverOrder) {
  constexpr int kKeys = 10'000;
  std::vector<int> upwards(kKeys);
  std::iota(upwards.begin(), upwards.end(), 0);
  std::vector<int> downwards(upwards.rbegin(), upwards.rend());
  std::vector<int> mixed = upwards;
  std::shuffle(mixed.begin(), mixed.end(), std::mt19937(1));
  for (const auto& order : {upwards, downwards, mixed}) {
    IndexedKeys keys;
    KeyCounts counts;
    // Those in between come later, so that blocks are full.
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = fmt::format("/{:05}", i < kKeys / 2 ? 2 * i : 2 * i - kKeys + 1);
      keys[key];
      counts.Add(keys, key);
    }
    EXPECT_GT(counts.blocks(), 50u);
    for (const int i : order) {
      const std::string key = fmt::format("/{:05}", i);
      keys.erase(key);
      counts.Remove(key);
      ASSERT_LE(counts.blocks(), 2 * keys.size() / 64 + 2);
      if (i % 100 != 0) continue;
      ASSERT_EQ(counts.CountFrom(keys, keys.begin(), "/"), keys.size());
    }
    EXPECT_EQ(counts.blocks(), 1u);
  }
}

}  // namespace
}  // namespace skiff
