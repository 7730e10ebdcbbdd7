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

}  // namespace
}  // namespace skiff
