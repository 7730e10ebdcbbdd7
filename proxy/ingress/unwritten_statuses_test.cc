#include "proxy/ingress/unwritten_statuses.h"

#include <gtest/gtest.h>

#include <set>

namespace skiff::ingress {
namespace {

const ObjectKey kOneIngress{"default", "one"};
const ObjectKey kOther{"default", "other"};

TEST(UnwrittenStatusesTest, AnErrorIsToldOnceUntilItIsAnother) {
  UnwrittenStatuses statuses;
  EXPECT_TRUE(statuses.NoteFailed(kOneIngress, "forbidden"));
  EXPECT_FALSE(statuses.NoteFailed(kOneIngress, "forbidden"));
  EXPECT_TRUE(statuses.NoteFailed(kOther, "forbidden"));
  EXPECT_TRUE(statuses.NoteFailed(kOneIngress, "timeout"));
  statuses.NoteWritten(kOneIngress);
  EXPECT_TRUE(statuses.NoteFailed(kOneIngress, "timeout")) << "it failed anew";
}

TEST(UnwrittenStatusesTest, WhatFailedWaitsLongerAndLongerAndNothingElseWaits) {
  UnwrittenStatuses statuses;
  Duration now = 100s;
  EXPECT_EQ(statuses.Next(now), kNever);
  statuses.NoteFailed(kOneIngress, "forbidden");
  for (const Duration delay : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    EXPECT_EQ(statuses.Next(now), delay);
    now += delay / 2;
    EXPECT_FALSE(statuses.MayTry(kOneIngress, now));
    EXPECT_TRUE(statuses.MayTry(kOther, now));
    EXPECT_EQ(statuses.Next(now), delay - delay / 2) << "looking does not put it off";
    now += delay - delay / 2;
    EXPECT_TRUE(statuses.MayTry(kOneIngress, now));
  }
  statuses.NoteWritten(kOneIngress);
  EXPECT_EQ(statuses.Next(now), kNever);
  statuses.NoteFailed(kOneIngress, "forbidden");
  EXPECT_EQ(statuses.Next(now), 1s);
}

TEST(UnwrittenStatusesTest, WhatIsGoneIsWaitedForNoMore) {
  UnwrittenStatuses statuses;
  statuses.NoteFailed(kOneIngress, "forbidden");
  statuses.KeepOnly(std::set<ObjectKey>{kOther});
  EXPECT_EQ(statuses.Next(0s), kNever);
}

}  // namespace
}  // namespace skiff::ingress
