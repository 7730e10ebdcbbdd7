#include "apiserver/storage/expiry.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

class ExpiryTest : public testing::Test {
 protected:
  ExpiryTest() : disk_(NewMemoryDisk()) {
    store_ = *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  }
  void Put(const std::string& key) { ASSERT_TRUE(store_->Apply({.key = key, .value = "v"})); }
  // Lets time pass, in steps of the loop.
  void Pass(Expiry& expiry, Duration time) {
    while (time > 0s) {
      const Duration step = std::min(time, expiry.Step());
      clock_.Advance(step);
      time -= step;
    }
    expiry.Step();
  }
  size_t Left(const std::string& prefix) {
    return store_->List({.prefix = prefix})->records.size();
  }

  FakeClock clock_;
  std::shared_ptr<rocksdb::Env> disk_;
  std::unique_ptr<RocksdbStore> store_;
};

TEST_F(ExpiryTest, WhatIsNotWrittenForItsTimeIsGone) {
  Expiry expiry(*store_, clock_, {.prefix = "/registry/events/", .ttl = 1h});
  Put("/registry/events/a");
  Put("/registry/events/kept");
  Put("/registry/pods/a");
  Pass(expiry, 30min);
  Put("/registry/events/kept");
  Pass(expiry, 29min);
  EXPECT_EQ(Left("/registry/events/"), 2u);
  Pass(expiry, 2min);
  EXPECT_EQ(Left("/registry/events/"), 1u) << "kept was written half an hour ago";
  Pass(expiry, 30min);
  EXPECT_EQ(Left("/registry/events/"), 0u);
  EXPECT_EQ(Left("/registry/pods/"), 1u);
}

TEST_F(ExpiryTest, ManyExpireInOneStep) {
  Expiry expiry(*store_, clock_, {.prefix = "/registry/events/", .ttl = 5min});
  for (int i = 0; i < 1200; ++i) Put(fmt::format("/registry/events/{}", i));
  Pass(expiry, 4min);
  for (int i = 0; i < 1200; i += 2) Put(fmt::format("/registry/events/{}", i));
  Pass(expiry, 2min);
  EXPECT_EQ(Left("/registry/events/"), 600u);
}

}  // namespace
}  // namespace skiff
