#include "apiserver/storage/etcd_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <future>
#include <set>
#include <thread>

#include "apiserver/storage/etcd_test_host.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/store_contract.h"

namespace skiff {
namespace {

class EtcdFixture final : public StoreFixture {
 public:
  explicit EtcdFixture(EtcdStore::Options options) {
    options.client = host_.Client();
    options.prefix = "";
    store_ = OpenEtcdStore(std::move(options), clock_);
  }
  Store& store() override { return *store_; }

 private:
  EtcdHost host_;
  SystemClock clock_;
  std::unique_ptr<EtcdStore> store_;
};

std::unique_ptr<StoreFixture> Plain() {
  return std::make_unique<EtcdFixture>(EtcdStore::Options{.ring = {.events_max = 16}});
}

// Every read of a value goes to etcd, and most events are history.
std::unique_ptr<StoreFixture> WithoutMemory() {
  return std::make_unique<EtcdFixture>(
      EtcdStore::Options{.ring = {.events_max = 1}, .cache_bytes_max = 0});
}

INSTANTIATE_TEST_SUITE_P(Etcd, StoreContract,
                         testing::Values(StoreBackend{"Plain", Plain},
                                         StoreBackend{"WithoutMemory", WithoutMemory}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace skiff
