#include "kubelet/network/route_problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RouteProblemsTest, WhatLastsIsToldOnce) {
  RouteProblems problems;
  EXPECT_THAT(problems.Note({"a"}, 10s), IsEmpty());
  EXPECT_EQ(problems.UntilDue(12s), 3s);
  EXPECT_THAT(problems.Note({"a", "b"}, 15s), ElementsAre("a"));
  EXPECT_EQ(problems.UntilDue(15s), 5s) << "for the other one";
  EXPECT_THAT(problems.Note({"a", "b"}, 20s), ElementsAre("b"));
  EXPECT_THAT(problems.Note({"a", "b"}, 30s), IsEmpty());
  EXPECT_EQ(problems.UntilDue(30s), kNever);
}

TEST(RouteProblemsTest, WhatPassesIsNot) {
  RouteProblems problems;
  EXPECT_THAT(problems.Note({"a"}, 10s), IsEmpty());
  EXPECT_THAT(problems.Note({}, 11s), IsEmpty());
  EXPECT_EQ(problems.UntilDue(11s), kNever);
  EXPECT_THAT(problems.Note({"a"}, 16s), IsEmpty()) << "it is new again";
}

}  // namespace
}  // namespace skiff
