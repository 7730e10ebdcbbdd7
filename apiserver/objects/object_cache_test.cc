#include "apiserver/objects/object_cache.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/rocksdb_store_disk.h"
#include "apiserver/storage/silent_store.h"

namespace skiff {
namespace {

using core_v1::Namespace;

// A cursor that has not read two writes is told nothing more: the ring holds one, and nobody runs
// the loop that reads history.
class ObjectCacheTest : public testing::Test {
 protected:
  ObjectCacheTest() {
    auto opened = RocksdbStore::Open(
        {.path = "/store", .env = disk_.get(), .ring = {.events_max = 1}}, clock_);
    CHECK(opened.has_value());
    inner_ = *std::move(opened);
    inner_->ReadHistoryAside();
    store_ = std::make_unique<SilentStore>(*inner_, clock_);
    namespaces_ = std::make_unique<ObjectCache<Namespace>>(*store_, pause_);
  }
  void Put(const std::string& name) {
    Object object(Namespace::Info());
    object.metadata().name = name;
    auto stored = EncodeForStore(object);
    ASSERT_TRUE(stored);
    ASSERT_TRUE(inner_->Apply({.key = KeyOf(Namespace::Info(), "", name),
                               .value = std::move(stored->value),
                               .revision_at = stored->revision_at}));
  }
  bool Knows(const std::string& name) { return namespaces_->Find("", name) != nullptr; }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  const ListPausePtr pause_ = std::make_shared<ListPause>(clock_);
  std::unique_ptr<RocksdbStore> inner_;
  std::unique_ptr<SilentStore> store_;
  std::unique_ptr<ObjectCache<Namespace>> namespaces_;
};

TEST_F(ObjectCacheTest, OneLookupWaitsForAStoreThatKeepsSilentAndTheOthersGoByWhatIsKnown) {
  Put("a");
  ASSERT_TRUE(Knows("a"));
  ASSERT_EQ(store_->lists, 1);
  for (const char* name : {"b", "c", "d"}) Put(name);
  store_->is_silent = true;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Knows("a"));
  EXPECT_EQ(store_->lists, 2);
  clock_.Advance(ListPause::kMax);
  EXPECT_TRUE(Knows("a"));
  EXPECT_FALSE(Knows("b"));
  EXPECT_EQ(store_->lists, 3) << "now and then it is tried again";
}

TEST_F(ObjectCacheTest, WhatIsWrittenOnceAStoreAnswersAgainIsSeenAtOnce) {
  Put("a");
  ASSERT_TRUE(Knows("a"));
  for (const char* name : {"b", "c", "d"}) Put(name);
  store_->is_silent = true;
  EXPECT_FALSE(Knows("b"));
  store_->is_silent = false;
  EXPECT_FALSE(Knows("b")) << "nobody has heard that it does";
  Put("e");
  EXPECT_TRUE(Knows("e"));
  EXPECT_TRUE(Knows("b"));
}

TEST_F(ObjectCacheTest, ThoseThatOneRequestConsultsWaitForTheStoreOnce) {
  ObjectCache<core_v1::Secret> secrets(*store_, pause_);
  store_->is_silent = true;
  EXPECT_FALSE(Knows("a"));
  EXPECT_EQ(secrets.Find("default", "a"), nullptr);
  EXPECT_EQ(store_->lists, 1);
}

}  // namespace
}  // namespace skiff
