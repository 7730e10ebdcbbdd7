// Which revision was the newest at a moment, by the embedded store.
#include "apiserver/storage/rocksdb_write_times.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

class WriteTimesTest : public testing::Test {
 protected:
  WriteTimesTest() { Open(); }
  void Open() {
    store_.reset();
    store_ = *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  }
  Revision Put(const std::string& key) {
    const auto written = store_->Apply({.key = key, .value = "1"});
    CHECK(written.has_value());
    return written->revision;
  }
  uint64_t RevisionAt(TimePoint moment) {
    const auto found = store_->At(moment);
    return found && !found->is_oldest ? found->revision.value : 0;
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  const TimePoint begin_ = clock_.Now();
  std::unique_ptr<RocksdbStore> store_;
};

TEST_F(WriteTimesTest, AMomentIsTheNewestRevisionThatWasWrittenBefore) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Put("/a"), Revision{static_cast<uint64_t>(i) + 2});
    clock_.Advance(1s);
  }
  EXPECT_EQ(RevisionAt(begin_), 2u);
  EXPECT_EQ(RevisionAt(begin_ + 4999ms), 6u);
  EXPECT_EQ(RevisionAt(begin_ + 5s), 7u);
  EXPECT_EQ(RevisionAt(clock_.Now()), 11u);
}

TEST_F(WriteTimesTest, ATimeInWhichItWasStoppedIsThatOfTheLastWriteBefore) {
  Put("/a");
  clock_.Advance(5s);
  const Revision last = Put("/b");
  clock_.Advance(10min);
  Open();
  EXPECT_EQ(RevisionAt(clock_.Now()), last.value) << "before anything is written again";
  const Revision first = Put("/c");
  EXPECT_EQ(RevisionAt(clock_.Now() - 1s), last.value);
  EXPECT_EQ(RevisionAt(clock_.Now() - 10min + 1s), last.value);
  EXPECT_EQ(RevisionAt(clock_.Now()), first.value);
}

TEST_F(WriteTimesTest, ManyWritesAreToldApartToAStep) {
  for (int i = 0; i < 100; ++i) {
    Put("/a");
    clock_.Advance(WriteTimes::kStep / 10);
  }
  const uint64_t found = RevisionAt(begin_ + WriteTimes::kStep * 5);
  EXPECT_GE(found, 52u);
  EXPECT_LE(found, 62u);
}

TEST_F(WriteTimesTest, WhatIsNoLongerKeptIsSaid) {
  const auto young = store_->At(clock_.Now());
  EXPECT_FALSE(young) << "nothing was written";
  Put("/a");
  auto found = store_->At(begin_ - 1s);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_oldest);
  EXPECT_EQ(found->revision, Revision{1}) << "all of the past is there";
  for (int i = 0; i < 9; ++i) {
    clock_.Advance(1s);
    Put("/a");
  }
  ASSERT_TRUE(store_->Compact(Revision{7}));
  found = store_->At(begin_ + 2s);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_oldest);
  EXPECT_EQ(found->revision, Revision{7});
  EXPECT_EQ(found->at, begin_ + 5s);
  EXPECT_EQ(RevisionAt(begin_ + 5500ms), 7u);
  EXPECT_EQ(RevisionAt(begin_ + 6s), 8u);
}

TEST_F(WriteTimesTest, AClockThatWasAheadIsForgotten) {
  Put("/a");
  clock_.JumpWall(1h);
  Put("/b");
  clock_.JumpWall(-1h);
  clock_.Advance(10s);
  const Revision newest = Put("/c");
  EXPECT_EQ(RevisionAt(clock_.Now()), newest.value);
  clock_.Advance(10s);
  EXPECT_EQ(RevisionAt(clock_.Now()), newest.value);
}

TEST_F(WriteTimesTest, ARestoredStoreHasNoPast) {
  Put("/a");
  store_.reset();
  ASSERT_TRUE((*RocksdbDisk::Open({.path = "/store", .env = disk_.get()}))->SkipTo(Revision{1000}));
  Open();
  EXPECT_FALSE(store_->At(clock_.Now()));
  clock_.Advance(10s);
  const Revision first = Put("/b");
  EXPECT_EQ(RevisionAt(clock_.Now()), first.value);
  const auto before = store_->At(begin_);
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->is_oldest);
  EXPECT_EQ(before->revision, Revision{1000});
}

}  // namespace
}  // namespace skiff
