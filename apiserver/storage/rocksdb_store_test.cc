#include "apiserver/storage/rocksdb_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "apiserver/storage/rocksdb_faulty_disk.h"
#include "apiserver/storage/store_contract.h"
#include "apiserver/storage/sync_loop.h"

namespace skiff {
namespace {

class RocksdbFixture final : public StoreFixture {
 public:
  explicit RocksdbFixture(RocksdbStore::Options options) {
    options.env = disk_.get();
    auto opened = RocksdbStore::Open(std::move(options), clock_);
    CHECK(opened.has_value());
    store_ = *std::move(opened);
  }
  Store& store() override { return *store_; }

 private:
  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_;
};

std::unique_ptr<StoreFixture> Plain() {
  return std::make_unique<RocksdbFixture>(
      RocksdbStore::Options{.path = "/store", .ring = {.events_max = 16}});
}

// Every read of a value goes to the disk, and most events are history.
std::unique_ptr<StoreFixture> WithoutMemory() {
  return std::make_unique<RocksdbFixture>(
      RocksdbStore::Options{.path = "/store", .ring = {.events_max = 1}, .cache_bytes_max = 0});
}

INSTANTIATE_TEST_SUITE_P(Rocksdb, StoreContract,
                         testing::Values(StoreBackend{"Plain", Plain},
                                         StoreBackend{"WithoutMemory", WithoutMemory}),
                         [](const auto& info) { return info.param.name; });

using testing::HasSubstr;

class RocksdbStoreTest : public testing::Test {
 protected:
  void Open(RocksdbStore::Options options = {}) {
    store_.reset();
    options.path = "/store";
    if (!options.env) options.env = disk_.get();
    auto opened = RocksdbStore::Open(std::move(options), clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }
  Result<Written> Put(const std::string& key, const std::string& value) {
    return store_->Apply({.key = key, .value = value});
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_;
};

TEST_F(RocksdbStoreTest, IsAfterReopeningWhatItWasBefore) {
  Open();
  ASSERT_TRUE(Put("/a", "1"));
  ASSERT_TRUE(Put("/b", "2"));
  ASSERT_TRUE(Put("/a", "3"));
  ASSERT_TRUE(store_->Apply({.key = "/b"}));
  Open();
  EXPECT_EQ(store_->Current(), Revision{5});
  EXPECT_EQ(store_->Get("/a").value()->value, "3");
  EXPECT_EQ(store_->Get("/a").value()->created, Revision{2});
  EXPECT_FALSE(store_->Get("/b"));
  EXPECT_EQ(store_->Get("/b", Revision{4}).value()->value, "2");
  EXPECT_EQ(store_->List({.prefix = "/", .at = Revision{3}})->records.size(), 2u);
  EXPECT_EQ(Put("/c", "x")->revision, Revision{6});
}

TEST_F(RocksdbStoreTest, AListThatIsBeingReadKeepsNothingFromBeingCompacted) {
  Open({.cache_bytes_max = 0});
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(store_->Apply({.key = fmt::format("/p/{:03}", i), .value = "v"}));
  }
  const auto cursor = store_->OpenList({.prefix = "/p/"});
  ASSERT_TRUE(cursor);
  ASSERT_TRUE(store_->Apply({.key = "/p/250", .value = "changed"}));
  ASSERT_TRUE(store_->Compact(store_->Current()));
  std::vector<RecordPtr> records;
  Result<bool> next = true;
  while (next && *next) next = (*cursor)->Next(1, records);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().reason, Reason::kExpired);
  EXPECT_EQ(records.size(), 250);
}

// A compaction that RocksDB wants is with its thread by then, before what is scheduled here.
void AwaitCompaction(rocksdb::Env& env) {
  std::promise<void> done;
  env.Schedule([](void* promise) { static_cast<std::promise<void>*>(promise)->set_value(); }, &done,
               rocksdb::Env::LOW);
  done.get_future().wait();
}

TEST_F(RocksdbStoreTest, ReadingHistoryHasNothingWrittenAgain) {
  Open({.ring = {.events_max = 1}, .cache_bytes_max = 0});
  const std::string value(64 << 10, 'v');
  // More than its buffers hold, and so many files that they have gone down a level.
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(Put(fmt::format("/p/{:03}", i), value));
  const auto files = [this] {
    std::vector<std::string> names;
    CHECK(disk_->GetChildren("/store", &names).ok());
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".sst"); });
    std::ranges::sort(names);
    return names;
  };
  AwaitCompaction(*disk_);
  const auto before = files();
  ASSERT_GT(before.size(), 4u);
  auto cursor = store_->Watch("/p/", Revision{1}, nullptr);
  std::vector<EventPtr> events;
  ASSERT_TRUE((*cursor)->Next(100, events));
  ASSERT_TRUE(store_->List({.prefix = "/p/", .at = Revision{10}}));
  AwaitCompaction(*disk_);
  EXPECT_EQ(files(), before);
}

TEST_F(RocksdbStoreTest, WatchesResumeAcrossReopening) {
  Open();
  for (int i = 2; i <= 10; ++i) ASSERT_TRUE(Put("/a", std::to_string(i)));
  ASSERT_TRUE(store_->Compact(Revision{4}));
  Open();
  auto cursor = store_->Watch("/", Revision{7}, nullptr);
  ASSERT_TRUE(Put("/a", "11"));
  EXPECT_EQ(StoreContract::Drain(**cursor), "+/a=8@8 +/a=9@9 +/a=10@10 +/a=11@11");
  auto too_old = store_->Watch("/", Revision{3}, nullptr);
  ASSERT_FALSE(too_old);
  EXPECT_EQ(too_old.error().reason, Reason::kExpired);
  cursor->reset();
}

TEST_F(RocksdbStoreTest, TheRevisionDoesNotGoBackWhenItsVersionsAreCompactedAway) {
  Open();
  ASSERT_TRUE(Put("/a", "1"));
  ASSERT_TRUE(store_->Apply({.key = "/a"}));
  ASSERT_TRUE(store_->Compact(Revision{3}));
  Open();
  EXPECT_EQ(store_->Current(), Revision{3});
  EXPECT_EQ(store_->Compacted(), Revision{3});
  EXPECT_EQ(Put("/a", "2")->revision, Revision{4});
  EXPECT_EQ(store_->Get("/a").value()->created, Revision{4});
}

TEST_F(RocksdbStoreTest, AnEndWithoutALogKeepsWhatWasWritten) {
  Open({.durability = Durability::kMemory});
  ASSERT_TRUE(Put("/a", "1"));
  ASSERT_TRUE(Put("/a", "2"));
  Open({.durability = Durability::kMemory});
  EXPECT_EQ(store_->Get("/a").value()->value, "2");
  EXPECT_EQ(store_->Current(), Revision{3});
}

TEST_F(RocksdbStoreTest, ASnapshotIsAStoreOfItsOwn) {
  Open();
  ASSERT_TRUE(Put("/a", "1"));
  ASSERT_TRUE(Put("/a", "2"));
  ASSERT_TRUE(store_->Snapshot("/snapshot"));
  ASSERT_TRUE(Put("/a", "3"));
  auto restored = RocksdbStore::Open({.path = "/snapshot", .env = disk_.get()}, clock_);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ((*restored)->Get("/a").value()->value, "2");
  EXPECT_EQ((*restored)->Get("/a", Revision{2}).value()->value, "1");
  EXPECT_EQ((*restored)->Current(), Revision{3});
  EXPECT_TRUE((*restored)->Apply({.key = "/b", .value = "x"}));
  EXPECT_FALSE(store_->Get("/b"));
  const auto again = store_->Snapshot("/snapshot");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("exists"));
}

TEST_F(RocksdbStoreTest, WhatIsInAStoreIsReadBesideWhoHasItOpen) {
  Open();
  ASSERT_TRUE(Put("/a", "1"));
  ASSERT_TRUE(Put("/a", "2"));
  ASSERT_TRUE(store_->Compact(Revision{2}));
  const auto facts = RocksdbDisk::Inspect({.path = "/store", .env = disk_.get()});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->format, RocksdbDisk::kFormat);
  EXPECT_EQ(facts->last, Revision{3});
  EXPECT_EQ(facts->compacted, Revision{2});
  EXPECT_TRUE(Put("/a", "3"));
  EXPECT_FALSE(RocksdbDisk::Inspect({.path = "/nothing", .env = disk_.get()}));
}

// etcd: --bump-revision with --mark-compacted.
TEST_F(RocksdbStoreTest, AStoreThatSkipsRevisionsIsAnotherOneToWhoeverKnewIt) {
  Open();
  ASSERT_TRUE(Put("/a", "1"));
  ASSERT_TRUE(Put("/b", "1"));
  ASSERT_TRUE(store_->Apply({.key = "/b"}));
  store_.reset();
  {
    auto disk = *RocksdbDisk::Open({.path = "/store", .env = disk_.get()});
    ASSERT_TRUE(disk->SkipTo(Revision{1000}));
  }
  Open();
  EXPECT_EQ(store_->Current(), Revision{1000});
  EXPECT_EQ(store_->Get("/a").value()->modified, Revision{2}) << "objects stay as they are";
  EXPECT_EQ(store_->List({.prefix = "/"})->records.size(), 1u);
  for (const uint64_t known : {2, 4, 7, 999}) {
    EXPECT_EQ(store_->List({.prefix = "/", .at = Revision{known}}).error().reason,
              Reason::kExpired);
    EXPECT_EQ(store_->Watch("/", Revision{known}, nullptr).error().reason, Reason::kExpired);
  }
  auto cursor = store_->Watch("/", Revision{1000}, nullptr);
  ASSERT_TRUE(cursor);
  EXPECT_EQ(Put("/a", "2")->revision, Revision{1001});
  EXPECT_EQ(StoreContract::Drain(**cursor), "+/a=2@1001");
  cursor->reset();
  // What lay before is dropped as ever.
  ASSERT_TRUE(store_->Compact(Revision{1001}));
  Open();
  EXPECT_EQ(store_->Get("/a").value()->value, "2");
  EXPECT_FALSE(store_->Get("/b"));
}

TEST_F(RocksdbStoreTest, ANewerFormatIsRefused) {
  Open();
  store_.reset();
  {
    rocksdb::Options options;
    options.env = disk_.get();
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "keys", "log"}) families.emplace_back(name, options);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, "/store", families, &handles, &db).ok());
    ASSERT_TRUE(db->Put({}, "format", std::string("\0\0\0\0\0\0\0\2", 8)).ok());
    for (auto* handle : handles) ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    delete db;
  }
  const auto opened = RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message,
            "/store has storage format 2, this program knows up to 1: it was written by a newer "
            "version of skiff");
}

TEST_F(RocksdbStoreTest, ASecondProcessIsToldThatTheStoreIsInUse) {
  Open();
  const auto second = RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("/store is in use"));
}

// Whose syncs come to no end while it is held.
class StuckDisk final : public rocksdb::EnvWrapper {
 public:
  explicit StuckDisk(rocksdb::Env* disk) : EnvWrapper(disk) {}

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    auto status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok()) *file = std::make_unique<File>(*this, std::move(*file));
    return status;
  }
  void Hold() { held_ = true; }
  void AwaitHeld() { waiting_.wait(false); }
  void Release() {
    held_ = false;
    held_.notify_all();
  }

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(StuckDisk& disk, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), disk_(disk), file_(std::move(file)) {}
    rocksdb::Status Sync() override {
      if (disk_.held_) {
        disk_.waiting_ = true;
        disk_.waiting_.notify_all();
        disk_.held_.wait(true);
      }
      return WritableFileWrapper::Sync();
    }

   private:
    StuckDisk& disk_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };

  std::atomic<bool> held_ = false;
  std::atomic<bool> waiting_ = false;
};

TEST_F(RocksdbStoreTest, WhatThrowsInACommitLeavesNobodyWaiting) {
  Open({.durability = Durability::kInterval, .sync_interval = 1h});
  store_->OnUnsynced([] { throw std::bad_alloc(); });
  EXPECT_FALSE(Put("/a", "1"));
  const auto refused = Put("/a", "2");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the store is read-only: std::bad_alloc"));
  EXPECT_TRUE(store_->NeedsRestart());
}

TEST_F(RocksdbStoreTest, AFullDiskMakesItReadOnlyAndLosesNothing) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  auto cursor = store_->Watch("/", store_->Current(), nullptr);
  faulty.Break(rocksdb::Status::NoSpace("no space left on device"));
  for (int i = 0; i < 2; ++i) {
    const auto refused = Put("/a", "2");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kInternalError);
    EXPECT_THAT(refused.error().message, HasSubstr("etcdserver: mvcc: database space exceeded"));
  }
  EXPECT_THAT(store_->Writable().error().message, HasSubstr("the store is read-only"));
  EXPECT_EQ(store_->Get("/a").value()->value, "1");
  EXPECT_EQ(store_->List({.prefix = "/"})->records.size(), 1u);
  EXPECT_EQ(store_->Current(), Revision{2});
  EXPECT_EQ(StoreContract::Drain(**cursor), "");
  cursor->reset();
  Open({.env = disk_.get()});
  EXPECT_EQ(store_->Get("/a").value()->value, "1");
  EXPECT_EQ(Put("/a", "2")->revision, Revision{3});
  store_.reset();
}

TEST_F(RocksdbStoreTest, OnceThereIsRoomAgainAFullStoreCanBeWritten) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  auto cursor = store_->Watch("/", store_->Current(), nullptr);
  faulty.Break(rocksdb::Status::NoSpace("no space left on device"));
  faulty.SetFreeBytes(0);
  ASSERT_FALSE(Put("/a", "2"));
  faulty.Break(rocksdb::Status::OK());
  clock_.Advance(RocksdbStore::kRecoveryStep);
  EXPECT_FALSE(Put("/a", "2")) << "the disk says that it is full";
  faulty.SetFreeBytes(uint64_t{1} << 30);
  EXPECT_FALSE(Put("/a", "2")) << "it was asked a moment ago";
  clock_.Advance(RocksdbStore::kRecoveryStep);
  EXPECT_EQ(Put("/a", "3")->revision, Revision{3});
  EXPECT_TRUE(store_->Writable());
  EXPECT_EQ(store_->Get("/a").value()->value, "3");
  EXPECT_EQ(store_->Get("/a", Revision{2}).value()->value, "1");
  EXPECT_EQ(StoreContract::Drain(**cursor), "+/a=3@3");
  cursor->reset();
  Open({.env = &faulty});
  EXPECT_EQ(store_->Get("/a").value()->value, "3");
  store_.reset();
}

TEST_F(RocksdbStoreTest, AStoreThatStaysFullCanStillBeRead) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  faulty.Break(rocksdb::Status::NoSpace("no space left on device"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(Put("/a", "2"));
    EXPECT_EQ(store_->Get("/a").value()->value, "1");
    EXPECT_EQ(store_->Get("/a", Revision{2}).value()->value, "1");
    clock_.Advance(RocksdbStore::kRecoveryStep);
  }
  store_.reset();
}

TEST_F(RocksdbStoreTest, AStoreOnAFullDiskIsCopiedToAnotherFromOutside) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  faulty.Break(rocksdb::Status::NoSpace("no space left on device"));
  faulty.SetFreeBytes(0);
  ASSERT_FALSE(Put("/a", "2"));
  const auto refused = store_->Snapshot("/snapshot");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the store is read-only: etcdserver: mvcc: "
                                                 "database space exceeded"));
  // By the disk that can be written.
  const auto copied =
      RocksdbDisk::CopyFromOutside({.path = "/store", .env = disk_.get()}, "/elsewhere");
  ASSERT_TRUE(copied) << copied.error().message;
  const auto taken = RocksdbStore::Open({.path = "/elsewhere", .env = disk_.get()}, clock_);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ((*taken)->Get("/a").value()->value, "1");
  EXPECT_EQ((*taken)->Current(), Revision{2});
  EXPECT_EQ(store_->Get("/a").value()->value, "1");
  store_.reset();
}

TEST_F(RocksdbStoreTest, ItsHealthTellsAFullDiskFromABrokenOneAndRecovers) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  EXPECT_TRUE(store_->CheckHealth());
  faulty.Break(rocksdb::Status::NoSpace("no space left on device"));
  faulty.SetFreeBytes(0);
  ASSERT_FALSE(Put("/a", "2"));
  EXPECT_THAT(store_->CheckHealth().error().message, HasSubstr("the store is read-only"));
  EXPECT_FALSE(store_->NeedsRestart());
  faulty.Break(rocksdb::Status::OK());
  faulty.SetFreeBytes(uint64_t{1} << 30);
  clock_.Advance(RocksdbStore::kRecoveryStep);
  EXPECT_TRUE(store_->CheckHealth()) << "although nobody writes";
  EXPECT_EQ(store_->Current(), Revision{2}) << "and nothing was";
  faulty.Break(rocksdb::Status::IOError("the cable is out"));
  ASSERT_FALSE(Put("/a", "2"));
  EXPECT_FALSE(store_->CheckHealth());
  EXPECT_TRUE(store_->NeedsRestart());
  store_.reset();
}

TEST_F(RocksdbStoreTest, AWriteThatIsStuckIsNoHealth) {
  StuckDisk stuck(disk_.get());
  Open({.env = &stuck});
  stuck.Hold();
  std::jthread writer([&] { EXPECT_TRUE(Put("/a", "1")); });
  stuck.AwaitHeld();
  EXPECT_TRUE(store_->CheckHealth());
  clock_.Advance(RocksdbStore::kCommitTimeMax + 1500ms);
  EXPECT_EQ(store_->CheckHealth().error().message, "a write has not come to an end for 11 s");
  EXPECT_TRUE(store_->NeedsRestart());
  stuck.Release();
  writer.join();
  EXPECT_TRUE(store_->CheckHealth());
  store_.reset();
}

// What a failed write left in the log is found when the log is read again: as after a crash of the
// process, it has come to be although the writer could not be told.
TEST_F(RocksdbStoreTest, AWriteThatReachedTheDiskAfterAllIsSeenByEverybody) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  auto cursor = store_->Watch("/", store_->Current(), nullptr);
  faulty.BreakSync(rocksdb::Status::NoSpace("no space left on device"));
  ASSERT_FALSE(Put("/a", "2"));
  EXPECT_EQ(store_->Get("/a").value()->value, "1");
  faulty.BreakSync(rocksdb::Status::OK());
  clock_.Advance(RocksdbStore::kRecoveryStep);
  EXPECT_EQ(Put("/b", "3")->revision, Revision{4});
  EXPECT_EQ(store_->Get("/a").value()->value, "2");
  EXPECT_EQ(StoreContract::Drain(**cursor), "+/a=2@3 +/b=3@4");
  cursor->reset();
  store_.reset();
}

TEST_F(RocksdbStoreTest, AnIoErrorIsNamed) {
  FaultyDisk faulty(disk_.get());
  Open({.env = &faulty});
  ASSERT_TRUE(Put("/a", "1"));
  faulty.Break(rocksdb::Status::IOError("the cable is out"));
  EXPECT_THAT(Put("/a", "2").error().message, HasSubstr("the cable is out"));
  EXPECT_EQ(store_->Get("/a").value()->value, "1");
  store_.reset();
}

// Counts what reaches the disk for good.
class CountingDisk final : public rocksdb::EnvWrapper {
 public:
  explicit CountingDisk(rocksdb::Env* disk) : EnvWrapper(disk) {}

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    auto status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok() && name.ends_with(".log")) {
      *file = std::make_unique<File>(*this, std::move(*file));
    }
    return status;
  }
  int syncs = 0;

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(CountingDisk& disk, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), disk_(disk), file_(std::move(file)) {}
    rocksdb::Status Sync() override {
      ++disk_.syncs;
      return WritableFileWrapper::Sync();
    }

   private:
    CountingDisk& disk_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };
};

TEST_F(RocksdbStoreTest, EachWriteAloneIsSyncedOnce) {
  CountingDisk counting(disk_.get());
  Open({.env = &counting});
  counting.syncs = 0;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put("/a", "x"));
  EXPECT_EQ(counting.syncs, 5);
  EXPECT_FALSE(
      store_->Apply({.key = "/a", .expect = {.kind = Precondition::Kind::kAbsent}, .value = "x"}));
  EXPECT_EQ(counting.syncs, 5) << "nothing was written";
  store_.reset();
}

TEST_F(RocksdbStoreTest, WhatAnOwnerBeginsWithIsSyncedAtOnce) {
  CountingDisk counting(disk_.get());
  Open({.env = &counting, .begins_unsynced = true});
  counting.syncs = 0;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put("/a", "x"));
  EXPECT_EQ(counting.syncs, 0);
  EXPECT_TRUE(store_->Unsynced());
  ASSERT_TRUE(store_->Sync());
  EXPECT_EQ(counting.syncs, 1);
  EXPECT_FALSE(store_->Unsynced());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put("/a", "x"));
  EXPECT_EQ(counting.syncs, 6) << "from then on each write";
  store_.reset();
}

TEST_F(RocksdbStoreTest, IntervalDurabilitySyncsOnceAnIntervalAndThenSleeps) {
  CountingDisk counting(disk_.get());
  Open({.env = &counting, .durability = Durability::kInterval, .sync_interval = 1s});
  SteppedExecutor executor(clock_, 1);
  SyncLoop loop(*store_, clock_);
  executor.Add(loop);
  executor.RunUntilIdle();
  clock_.Advance(10s);
  ASSERT_TRUE(Put("/a", "the first after a long time syncs itself"));
  counting.syncs = 0;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put("/a", "x"));
  EXPECT_EQ(counting.syncs, 0);
  EXPECT_TRUE(store_->Unsynced());
  executor.RunFor(1s);
  EXPECT_EQ(counting.syncs, 1);
  EXPECT_FALSE(store_->Unsynced());
  executor.RunFor(60s);
  EXPECT_EQ(counting.syncs, 1);
  EXPECT_EQ(executor.NextDue(), kNever);
  executor.Remove(loop);
  store_.reset();
}

TEST_F(RocksdbStoreTest, AGroupHoldsManyWritersAndOrdersThem) {
  Open();
  auto cursor = store_->Watch("/", store_->Current(), nullptr);
  std::vector<std::jthread> threads;
  std::atomic<int> created = 0;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const auto key = fmt::format("/{}", i);
        const auto result = store_->Apply(
            {.key = key, .expect = {.kind = Precondition::Kind::kAbsent}, .value = "x"});
        if (result) ++created;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(created, 20) << "one creator for each key";
  EXPECT_EQ(store_->Current(), Revision{21});
  cursor->reset();
}

}  // namespace
}  // namespace skiff
