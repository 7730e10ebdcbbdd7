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
  Compactor compactor(*store_, clock_, {.revisions_min = 0});
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
  Compactor compactor(*store_, clock_, {.period = 1min, .window = 3min, .revisions_min = 0});
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

TEST_F(CompactorTest, KeepsTheLastRevisionsHoweverOld) {
  Compactor compactor(*store_, clock_, {.revisions_min = 30});
  Write(20);
  Run(compactor, 5);
  EXPECT_EQ(store_->Compacted(), Revision{0});
  Write(20);
  Run(compactor, 5);
  EXPECT_EQ(store_->Compacted(), Revision{41 - 30});
}

TEST_F(CompactorTest, AStormDoesNotStretchTheWindowWithoutBound) {
  Compactor compactor(*store_, clock_, {.revisions_min = 10, .revisions_max = 50});
  Write(100);
  Run(compactor, 1);
  EXPECT_EQ(store_->Compacted(), Revision{101 - 50});
}

TEST_F(CompactorTest, PeriodZeroNeverCompacts) {
  Compactor compactor(*store_, clock_, {.period = 0s, .revisions_min = 0, .revisions_max = 0});
  Write(10);
  EXPECT_EQ(compactor.Step(), kNever);
  EXPECT_EQ(store_->Compacted(), Revision{0});
}

TEST_F(CompactorTest, AnEarlyWakeChangesNothing) {
  Compactor compactor(*store_, clock_, {.revisions_min = 0});
  EXPECT_EQ(compactor.Step(), 5min);
  Write(5);
  clock_.Advance(1min);
  EXPECT_EQ(compactor.Step(), 4min);
}

}  // namespace
}  // namespace skiff
