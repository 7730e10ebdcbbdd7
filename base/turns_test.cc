#include "base/turns.h"

#include <gtest/gtest.h>

#include <vector>

namespace skiff {
namespace {

TEST(Turns, EachOwnerHasOneInTurn) {
  Turns<std::string> turns;
  EXPECT_TRUE(turns.empty());
  for (const char* thing : {"a1", "a2", "a3", "b1", "c1", "b2"}) {
    turns.Add(std::string(1, thing[0]), thing);
  }
  EXPECT_EQ(turns.size(), 6U);
  std::vector<std::string> taken = {turns.Next(), turns.Next()};
  turns.Add("d", "d1");
  turns.Add("b", "b3");
  while (!turns.empty()) taken.push_back(turns.Next());
  EXPECT_EQ(taken, (std::vector<std::string>{"a1", "b1", "c1", "a2", "b2", "d1", "a3", "b3"}));
}

TEST(Turns, WhatIsGoneHasNoTurn) {
  Turns<std::string> turns;
  for (const char* thing : {"a1", "a2", "b1", "c1", "b2"}) {
    turns.Add(std::string(1, thing[0]), thing);
  }
  turns.Drop([](const std::string& thing) { return thing.ends_with('1'); });
  EXPECT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns.CountOf("a"), 1U);
  EXPECT_EQ(turns.CountOf("c"), 0U);
  turns.Add("c", "c2");
  std::vector<std::string> taken;
  while (!turns.empty()) taken.push_back(turns.Next());
  EXPECT_EQ(taken, (std::vector<std::string>{"a2", "b2", "c2"}));
}

}  // namespace
}  // namespace skiff
