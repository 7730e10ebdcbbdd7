#include "controllers/workloads/job_indexes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/id.h"

namespace skiff::job {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(JobIndexesTest, TextsAreReadAndWrittenAsRuns) {
  EXPECT_EQ(Indexes::Parse("").Text(), "");
  EXPECT_EQ(Indexes::Parse("1,3-5,7").Text(), "1,3-5,7");
  EXPECT_EQ(Indexes::Parse("1,2").Text(), "1,2");
  EXPECT_EQ(Indexes::Parse("1,2,3,0").Text(), "0-3");
  EXPECT_EQ(Indexes::Parse("5-8,1-6").Text(), "1-8");
  EXPECT_EQ(Indexes::Parse("x,2,3-y,4-3,-1,6").Text(), "2,6") << "what is no index is passed over";
}

TEST(JobIndexesTest, WhatIsNotBelowTheEndIsPassedOver) {
  EXPECT_EQ(Indexes::Parse("1,3-7,9", 6).Text(), "1,3-5");
  EXPECT_EQ(Indexes::Parse("1,3", 0).Text(), "");
}

TEST(JobIndexesTest, SetsAreCountedAndJoined) {
  Indexes some = Indexes::Parse("0-4,8,10-12");
  EXPECT_EQ(some.Count(), 9);
  EXPECT_EQ(some.CountShared(Indexes::Parse("3-8,12-20")), 4);
  EXPECT_EQ(some.CountShared(Indexes()), 0);
  some.InsertAll(Indexes::Parse("5-7,14"));
  EXPECT_EQ(some.Text(), "0-8,10-12,14");
}

TEST(JobIndexesTest, AllThatThereCanBeTakesNoTime) {
  Indexes all = Indexes::Parse("0-2147483647");
  EXPECT_TRUE(all.Contains(2147483647));
  EXPECT_FALSE(all.Insert(5));
  EXPECT_FALSE(Indexes().Insert(-1)) << "a pod without one";
  EXPECT_THAT(all.Missing(2147483647, 3), IsEmpty());
  EXPECT_EQ(all.Text(), "0-2147483647");
}

TEST(JobIndexesTest, TheLowestThatAreMissingComeFirst) {
  const Indexes some = Indexes::Parse("0,2-3,6");
  EXPECT_THAT(some.Missing(8, 3), ElementsAre(1, 4, 5));
  EXPECT_THAT(some.Missing(8, 10), ElementsAre(1, 4, 5, 7));
  EXPECT_THAT(some.Missing(0, 10), IsEmpty());
}

TEST(JobIndexesTest, WhateverIsInsertedIsThereAndNothingElse) {
  SeededRandom random(7);
  Indexes indexes;
  std::set<int> model;
  for (int i = 0; i < 2'000; ++i) {
    const int index = static_cast<int>(random.Next() % 300);
    EXPECT_EQ(indexes.Insert(index), model.insert(index).second);
    EXPECT_EQ(indexes, Indexes::Parse(indexes.Text()));
  }
  for (int index = 0; index < 310; ++index) {
    EXPECT_EQ(indexes.Contains(index), model.contains(index)) << index;
  }
}

}  // namespace
}  // namespace skiff::job
