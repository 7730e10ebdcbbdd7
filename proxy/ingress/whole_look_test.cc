#include "proxy/ingress/whole_look.h"

#include <gtest/gtest.h>

namespace skiff::ingress {
namespace {

// The plan is the number of Services that it looks at.
struct Looked {
  int last = 0;  // How many there are of them, from the start and at last.
  int at = 0;
  int known = 0;
  int plans = 0;
  int again = 0;

  int Plan() {
    return PlanAllSeen(
        [&] {
          ++plans;
          return at = at < last ? at + 1 : at;
        },
        [&](int plan) {
          const bool is_more = plan > known;
          known = plan;
          return is_more;
        },
        [&] { ++again; });
  }
};

TEST(WholeLookTest, WhatIsKnownIsLookedAtOnce) {
  Looked looked{.last = 1, .at = 1, .known = 1};
  EXPECT_EQ(looked.Plan(), 1);
  EXPECT_EQ(looked.plans, 1);
  EXPECT_EQ(looked.again, 0);
}

TEST(WholeLookTest, WhatIsNewIsLookedAtTwice) {
  Looked looked{.last = 1};
  EXPECT_EQ(looked.Plan(), 1);
  EXPECT_EQ(looked.plans, 2);
  EXPECT_EQ(looked.again, 0);
}

TEST(WholeLookTest, WhoNamesSomethingNewEachTimeHoldsUpNobody) {
  Looked looked{.last = 1000};
  EXPECT_EQ(looked.Plan(), 2);
  EXPECT_EQ(looked.plans, 2);
  EXPECT_EQ(looked.again, 1);
}

}  // namespace
}  // namespace skiff::ingress
