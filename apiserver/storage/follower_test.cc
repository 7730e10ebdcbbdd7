#include "apiserver/storage/follower.h"

#include <gtest/gtest.h>

#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/rocksdb_store_disk.h"
#include "apiserver/storage/silent_store.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// Its ring holds one event: whoever has not read the last but one has to list.
class FollowerTest : public testing::Test {
 protected:
  FollowerTest() {
    auto opened = RocksdbStore::Open(
        {.path = "/store", .env = disk_.get(), .ring = {.events_max = 1}}, clock_);
    EXPECT_TRUE(opened);
    store_ = *std::move(opened);
  }
  void Put(const std::string& key, size_t size = 1) {
    ASSERT_TRUE(store_->Apply({.key = key, .value = std::string(size, 'x')}));
  }
  std::string List() {
    told_.clear();
    EXPECT_TRUE(follower_->List([this] { told_ = "all:"; },
                                [this](const Record& record) { told_ += " " + record.key; }));
    return told_;
  }
  // "not known" when it has to be listed.
  std::string Read() {
    told_.clear();
    const bool is_known = follower_->Read(store_->Current(), [this](const Event& event) {
      told_ += (event.kind == Event::Kind::kPut ? "+" : "-") + event.record->key;
    });
    return is_known ? told_ : "not known";
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<Follower> follower_;
  std::string told_;
};

// What is committed comes to it only after it was asked so many times.
class LateCursor final : public WatchCursor {
 public:
  explicit LateCursor(int asked_before) : asked_before_(asked_before) {}
  Result<> Next(size_t, std::vector<EventPtr>&) override {
    ++asked_;
    return {};
  }
  Revision position() const override { return Revision{asked_ > asked_before_ ? 7U : 6U}; }
  int asked() const { return asked_; }

 private:
  const int asked_before_;
  int asked_ = 0;
};

TEST(ReadThroughTest, WaitsAMomentForWhatIsCommittedAndNotTold) {
  const auto tell = [](const Event&) {};
  LateCursor soon(3), never(1'000'000);
  EXPECT_TRUE(ReadThrough(soon, Revision{7}, tell));
  EXPECT_FALSE(ReadThrough(never, Revision{7}, tell)) << "it fell behind";
  LateCursor late(3);
  AtOnce attempt;
  EXPECT_FALSE(ReadThrough(late, Revision{7}, tell)) << "nothing waits there";
}

TEST(ReadThroughTest, WhoReadsSeveralWaitsAMomentForAllOfThem) {
  const auto tell = [](const Event&) {};
  ReadPatience patience;
  LateCursor never(1'000'000), next(1'000'000), there(0);
  EXPECT_FALSE(ReadThrough(never, Revision{7}, tell, patience));
  EXPECT_GT(never.asked(), 1);
  EXPECT_FALSE(ReadThrough(next, Revision{7}, tell, patience));
  EXPECT_EQ(next.asked(), 1) << "the moment is over";
  EXPECT_TRUE(ReadThrough(there, Revision{7}, tell, patience)) << "what is there is told";
}

TEST_F(FollowerTest, TellsOfAllThatThereIsAndThenOfWhatComes) {
  follower_ = std::make_unique<Follower>(*store_, "/p/");
  EXPECT_FALSE(follower_->follows());
  EXPECT_EQ(Read(), "not known");
  Put("/p/a");
  Put("/q/z");
  EXPECT_EQ(List(), "all: /p/a");
  EXPECT_TRUE(follower_->follows());
  EXPECT_EQ(Read(), "");
  Put("/p/b");
  EXPECT_EQ(Read(), "+/p/b");
  ASSERT_TRUE(store_->Apply({.key = "/p/a", .value = std::nullopt}));
  EXPECT_EQ(Read(), "-/p/a");
  Put("/q/y");
  EXPECT_EQ(Read(), "") << "what others wrote is known to be none of it";
}

// History is for those who wait: somebody else's loop reads it.
TEST_F(FollowerTest, WhoFellBehindTheRingListsAnew) {
  store_->ReadHistoryAside();
  follower_ = std::make_unique<Follower>(*store_, "/p/");
  EXPECT_EQ(List(), "all:");
  for (const char* key : {"/p/a", "/p/b", "/p/c"}) Put(key);
  EXPECT_EQ(Read(), "not known");
  EXPECT_EQ(List(), "all: /p/a /p/b /p/c");
  Put("/p/d");
  EXPECT_EQ(Read(), "+/p/d");
}

TEST_F(FollowerTest, AStoreThatKeptSilentIsNotListedAgainAtOnce) {
  SilentStore store(*store_, clock_);
  follower_ = std::make_unique<Follower>(store, "/p/", std::make_shared<ListPause>(clock_));
  const auto list = [&] { return follower_->List([] {}, [](const Record&) {}); };
  store.is_silent = true;
  EXPECT_FALSE(list());
  EXPECT_FALSE(list());
  EXPECT_EQ(store.lists, 1);
  Put("/q/z");
  EXPECT_FALSE(list());
  EXPECT_EQ(store.lists, 2) << "it has moved on";
  store.is_silent = false;
  clock_.Advance(ListPause::kMax);
  EXPECT_TRUE(list());
}

// Whoever is told decodes it: a role of a megabyte takes longer than a loop may.
TEST_F(FollowerTest, WhatIsLargeIsToldToWhoMayWait) {
  follower_ = std::make_unique<Follower>(*store_, "/p/");
  EXPECT_EQ(List(), "all:");
  const auto read_at_once = [&] {
    const AtOnce attempt;
    const std::string told = Read();
    return attempt.failed() ? "left: " + told_ : told;
  };
  Put("/p/a", 60'000);
  EXPECT_EQ(read_at_once(), "+/p/a");
  Put("/p/b", 70'000);
  EXPECT_EQ(read_at_once(), "left: ");
  EXPECT_EQ(read_at_once(), "left: ") << "nobody has been told of it meanwhile";
  EXPECT_EQ(Read(), "+/p/b");
  EXPECT_EQ(Read(), "");
  Put("/p/b");
  EXPECT_EQ(read_at_once(), "left: ") << "what was there is large";
  EXPECT_EQ(Read(), "+/p/b");
  Put("/p/b");
  EXPECT_EQ(read_at_once(), "+/p/b");
}

}  // namespace
}  // namespace skiff
