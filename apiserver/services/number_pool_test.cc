#include "apiserver/services/number_pool.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(NumberPool, PicksAboveTheBandUntilThatIsFull) {
  SeededRandom random(1);
  NumberPool pool(10, 19, 4);
  for (int i = 0; i < 6; ++i) EXPECT_GE(*pool.TakeAny(random), 14u);
  for (int i = 0; i < 4; ++i) EXPECT_LT(*pool.TakeAny(random), 14u);
  EXPECT_FALSE(pool.TakeAny(random).has_value());
  pool.Free(12);
  EXPECT_EQ(pool.TakeAny(random), 12u);
}

TEST(NumberPool, TakesACertainNumberOnce) {
  NumberPool pool(1, 9, 0);
  EXPECT_TRUE(pool.Take(3));
  EXPECT_FALSE(pool.Take(3));
  EXPECT_FALSE(pool.InRange(10));
}

TEST(NumberPool, WhatIsTakenBesideTheRangeLeavesItAsItIs) {
  SeededRandom random(1);
  NumberPool pool(10, 19, 4);
  pool.Take(3);
  pool.Take(12);
  pool.Take(12);
  ASSERT_TRUE(pool.TakeAny(random));
  EXPECT_EQ(pool.taken(), 3u);
  EXPECT_EQ(pool.left(), 8u);
  pool.Free(3);
  pool.Free(12);
  pool.Free(12);
  EXPECT_EQ(pool.left(), 9u);
  pool.FreeAll();
  EXPECT_EQ(pool.taken(), 0u);
  EXPECT_EQ(pool.left(), 10u);
}

}  // namespace
}  // namespace skiff
