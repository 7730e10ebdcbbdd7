#include "base/gate.h"

#include <gtest/gtest.h>

#include <thread>

namespace skiff {
namespace {

TEST(Gate, LetsThroughOnceForAnyNumberOfTimesThatItIsOpened) {
  Gate gate;
  gate.Open();
  gate.Open();
  gate.Pass();
  std::atomic<bool> passed = false;
  std::jthread waits([&] {
    gate.Pass();
    passed = true;
  });
  EXPECT_FALSE(passed);
  gate.Open();
  waits.join();
  EXPECT_TRUE(passed);
}

TEST(Gate, NoOpeningIsLostBetweenTwoThreads) {
  constexpr int kRounds = 20'000;
  Gate there, back;
  int turns = 0;
  std::jthread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      there.Pass();
      ++turns;
      back.Open();
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    there.Open();
    back.Pass();
    ASSERT_EQ(turns, i + 1);
  }
}

}  // namespace
}  // namespace skiff
