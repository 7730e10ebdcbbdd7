#include "apiserver/auth/console_records.h"

#include <gtest/gtest.h>

#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

class ConsoleRecordsTest : public testing::Test {
 protected:
  ConsoleRecord Of(const std::string& owner, Duration lasts = 60s) {
    return {.id = "id" + std::to_string(++made_),
            .owner = owner,
            .until = clock_.Now() + lasts,
            .text = "of " + owner};
  }
  size_t Stored() { return store_->List({.prefix = "/registry/skiff-console/"})->records.size(); }

  FakeClock clock_;
  std::shared_ptr<rocksdb::Env> env_ = NewMemoryDisk();
  std::unique_ptr<RocksdbStore> store_ =
      *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
  ConsoleRecords records_{*store_, clock_, "links", {.own_max = 2, .all_max = 4}};
  int made_ = 0;
};

TEST_F(ConsoleRecordsTest, OneIsTakenOnceWhereverItWasAdded) {
  const ConsoleRecord one = Of("jane");
  ASSERT_TRUE(records_.Add(one));
  EXPECT_EQ(records_.Add(one).error().reason, Reason::kAlreadyExists);
  ConsoleRecords at_another_server(*store_, clock_, "links", {.own_max = 2, .all_max = 4});
  const auto taken = at_another_server.Take(one.id);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->owner, "jane");
  EXPECT_EQ(taken->text, "of jane");
  EXPECT_EQ(taken->until, one.until);
  EXPECT_EQ(records_.Take(one.id).error().reason, Reason::kNotFound);
  EXPECT_EQ(records_.Take("another").error().reason, Reason::kNotFound);
  EXPECT_EQ(Stored(), 0u);
}

TEST_F(ConsoleRecordsTest, WhatIsOverIsNoneAndGoesWithTheNext) {
  const ConsoleRecord one = Of("jane"), other = Of("jane");
  ASSERT_TRUE(records_.Add(one));
  ASSERT_TRUE(records_.Add(other));
  clock_.Advance(60s);
  EXPECT_EQ(records_.Take(one.id).error().reason, Reason::kNotFound);
  ASSERT_TRUE(records_.Add(Of("joe")));
  EXPECT_EQ(Stored(), 1u);
}

TEST_F(ConsoleRecordsTest, ThereIsRoomForSoManyOfOneAndOfAll) {
  ASSERT_TRUE(records_.Add(Of("jane")));
  ASSERT_TRUE(records_.Add(Of("jane")));
  EXPECT_EQ(records_.Add(Of("jane")).error().reason, Reason::kTooManyRequests);
  ASSERT_TRUE(records_.Add(Of("joe")));
  ASSERT_TRUE(records_.Add(Of("ann")));
  EXPECT_EQ(records_.Add(Of("bob")).error().reason, Reason::kTooManyRequests);
  EXPECT_EQ(records_.PutForAll(Of("bob")).error().reason, Reason::kTooManyRequests);
  ASSERT_TRUE(records_.PutForAll(Of("jane"))) << "in place of hers";
  EXPECT_EQ(Stored(), 3u);
  EXPECT_TRUE(records_.Add(Of("bob")));
}

TEST_F(ConsoleRecordsTest, OnesOwnOldestGoesWhereThatIsWanted) {
  ConsoleRecords records(*store_, clock_, "links",
                         {.own_max = 2, .all_max = 4, .oldest_goes = true});
  const ConsoleRecord younger = Of("jane", 50s), oldest = Of("jane", 40s), others = Of("joe", 1s);
  for (const ConsoleRecord& each : {younger, oldest, others}) ASSERT_TRUE(records.Add(each));
  ASSERT_TRUE(records.Add(Of("jane")));
  EXPECT_FALSE(records.Take(oldest.id));
  EXPECT_TRUE(records.Take(younger.id));
  EXPECT_TRUE(records.Take(others.id));
}

TEST_F(ConsoleRecordsTest, WhatSomebodyElseWroteThereIsNone) {
  ASSERT_TRUE(store_->Apply({.key = records_.prefix() + "x", .expect = {}, .value = "{]"}));
  ASSERT_TRUE(store_->Apply({.key = records_.prefix() + "y", .expect = {}, .value = "{}"}));
  EXPECT_EQ(records_.Take("x").error().reason, Reason::kNotFound);
  ASSERT_TRUE(records_.Add(Of("jane")));
  EXPECT_EQ(Stored(), 1u);
}

}  // namespace
}  // namespace skiff
