#include "apiserver/watches/prefix_bell.h"

#include <gtest/gtest.h>

#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

// A store whose watches fail as often as told, as when it is compacted meanwhile.
class RefusingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                             WakeFunction wake) override {
    if (refused-- > 0) return Fail(Reason::kExpired, "too old");
    return ForwardingStore::Watch(request, std::move(wake));
  }

  int refused = 0;
};

class PrefixBellTest : public testing::Test {
 protected:
  void Put(const std::string& key) { ASSERT_TRUE(inner_->Apply({.key = key, .value = "x"})); }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  const std::unique_ptr<RocksdbStore> inner_ = *RocksdbStore::Open(
      {.path = "/store", .env = disk_.get(), .ring = {.events_max = 4}}, clock_);
  RefusingStore store_{*inner_};
  int rings_ = 0;
  PrefixBell bell_{store_, "/a/", [this] { ++rings_; }};
};

TEST_F(PrefixBellTest, RingsOnceForWhatIsUnderItsPrefix) {
  EXPECT_TRUE(bell_.HasRung()) << "what was there before";
  EXPECT_FALSE(bell_.HasRung());
  Put("/b/1");
  EXPECT_EQ(rings_, 0);
  EXPECT_FALSE(bell_.HasRung());
  Put("/a/1");
  Put("/a/2");
  EXPECT_EQ(rings_, 1);
  EXPECT_TRUE(bell_.HasRung());
  EXPECT_FALSE(bell_.HasRung());
  Put("/a/3");
  EXPECT_EQ(rings_, 2);
}

TEST_F(PrefixBellTest, WhatWasMissedCountsAsRung) {
  ASSERT_TRUE(bell_.HasRung());
  for (int i = 0; i < 10; ++i) Put("/a/1");
  ASSERT_TRUE(inner_->Compact(inner_->Current()));
  EXPECT_TRUE(bell_.HasRung());
  EXPECT_FALSE(bell_.HasRung());
  rings_ = 0;
  Put("/a/2");
  EXPECT_EQ(rings_, 1);
}

TEST_F(PrefixBellTest, WhereItCannotListenItAsksToBeAskedAgain) {
  store_.refused = 1;
  EXPECT_TRUE(bell_.HasRung());
  EXPECT_EQ(rings_, 1);
  EXPECT_TRUE(bell_.HasRung()) << "what came in between";
  EXPECT_EQ(rings_, 1);
  Put("/a/1");
  EXPECT_EQ(rings_, 2);
}

}  // namespace
}  // namespace skiff
