#include "apiserver/storage/rocksdb_store.h"

#include <gtest/gtest.h>

#include "apiserver/storage/store_contract.h"

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

}  // namespace
}  // namespace skiff
