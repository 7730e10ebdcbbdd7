#include "apiserver/storage/compactor.h"

#include <gtest/gtest.h>

#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

class CompactorTest : public testing::Test {
 protected:
  void Write(int writes) {
    for (int i = 0; i < writes; ++i) ASSERT_TRUE(store_->Apply({.key = "/a", .value = "x"}));
  }
  // Runs for whole periods, stepping when each is due.
  void Run(Compactor& compactor, int periods) {
    for (int i = 0; i < periods; ++i) clock_.Advance(compactor.Step());
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_ =
      *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
};

TEST_F(CompactorTest, KeepsWhatIsYoungerThanTheWindow) {
  Compactor compactor(*store_, clock_, {});
  Write(10);
  Run(compactor, 1);
  Write(10);
  EXPECT_EQ(store_->Compacted(), Revision{0});
  Run(compactor, 1);
  EXPECT_EQ(store_->Compacted(), Revision{11}) << "what there was five minutes ago";
  Run(compactor, 1);
  EXPECT_EQ(store_->Compacted(), Revision{21});
}

TEST_F(CompactorTest, AShortPeriodDoesNotShortenTheWindow) {
  Compactor compactor(*store_, clock_, {.period = 1min, .window = 3min});
  for (int minute = 0; minute < 3; ++minute) {
    Write(10);
    Run(compactor, 1);
    EXPECT_EQ(store_->Compacted(), Revision{0});
  }
  Write(10);
  Run(compactor, 1);
  EXPECT_EQ(store_->Compacted(), Revision{11});
  Run(compactor, 1);
  EXPECT_EQ(store_->Compacted(), Revision{21});
}

TEST_F(CompactorTest, OldRevisionsGoHoweverFewTheyAre) {
  Compactor compactor(*store_, clock_, {});
  Write(3);
  Run(compactor, 3);
  EXPECT_EQ(store_->Compacted(), Revision{4});
  EXPECT_TRUE(store_->List({.prefix = "/", .at = Revision{4}})) << "nothing is newer";
  Write(1);
  EXPECT_TRUE(store_->List({.prefix = "/", .at = Revision{4}}));
  Run(compactor, 2);
  EXPECT_EQ(store_->List({.prefix = "/", .at = Revision{4}}).error().reason, Reason::kExpired)
      << "ten minutes later";
}

TEST_F(CompactorTest, ANewStartKeepsTheWindow) {
  Write(10);
  {
    Compactor before(*store_, clock_, {});
    Run(before, 3);
  }
  ASSERT_EQ(store_->Compacted(), Revision{11});
  Write(10);
  store_.reset();
  store_ = *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  Compactor compactor(*store_, clock_, {});
  Run(compactor, 1);
  EXPECT_TRUE(store_->Watch("/", Revision{11}, nullptr)) << "a watch resumes";
  Run(compactor, 1);
  EXPECT_EQ(store_->Watch("/", Revision{11}, nullptr).error().reason, Reason::kExpired);
}

TEST_F(CompactorTest, AStormDoesNotStretchTheWindowWithoutBound) {
  Compactor compactor(*store_, clock_, {.revisions_max = 50});
  Write(100);
  Run(compactor, 1);
  EXPECT_EQ(store_->Compacted(), Revision{101 - 50});
}

TEST_F(CompactorTest, PeriodZeroNeverCompacts) {
  Compactor compactor(*store_, clock_, {.period = 0s, .revisions_max = 0});
  Write(10);
  EXPECT_EQ(compactor.Step(), kNever);
  EXPECT_EQ(store_->Compacted(), Revision{0});
}

TEST_F(CompactorTest, AnEarlyWakeChangesNothing) {
  Compactor compactor(*store_, clock_, {});
  EXPECT_EQ(compactor.Step(), 5min);
  Write(5);
  clock_.Advance(1min);
  EXPECT_EQ(compactor.Step(), 4min);
}

}  // namespace
}  // namespace skiff
