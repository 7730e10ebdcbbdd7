#include "apiserver/services/master_leases.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/server_addresses.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

class MasterLeasesTest : public testing::Test {
 protected:
  MasterLeasesTest() {
    Put(core_v1::Endpoints::Info(), {});
    Put(discovery_v1::EndpointSlice::Info(), {{"addressType", "IPv4"}});
  }
  void Put(const KindInfo& kind, Json document) {
    document["metadata"] = {{"namespace", "default"}, {"name", "kubernetes"}};
    StoredObject stored = *EncodeForStore(kind, document);
    ASSERT_TRUE(store_->Apply({.key = KeyOf(kind, "default", "kubernetes"),
                               .expect = {},
                               .value = std::move(stored.value),
                               .revision_at = stored.revision_at}));
  }
  // What the EndpointSlice tells of addresses that it does not lead to; "none" without a word.
  std::string Told() {
    const KindInfo& kind = discovery_v1::EndpointSlice::Info();
    const auto record = store_->Get(KeyOf(kind, "default", "kubernetes"));
    Object slice = *ObjectOf(kind, **record);
    const auto& annotations = slice.metadata().annotations;
    const auto told = annotations.find(kServerAddressesAnnotation);
    return told == annotations.end() ? "none" : told->second;
  }

  FakeClock clock_;
  std::shared_ptr<rocksdb::Env> env_ = NewMemoryDisk();
  std::unique_ptr<Store> store_ =
      *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
};

TEST_F(MasterLeasesTest, TheSliceTellsOfTheOtherAddressesOfTheServersThatAreThere) {
  MasterLeases one(*store_, "192.0.2.1", {"fd00::1"});
  MasterLeases two(*store_, "192.0.2.2", {"fd00::2"});
  one.Step();
  two.Step();
  EXPECT_EQ(Told(), "fd00::1,fd00::2");
  two.Withdraw();
  EXPECT_EQ(Told(), "fd00::1");
}

// Lets something happen right before a lease is written.
class BeforeLeases final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<Written> Apply(Write write) override {
    if (fails) return Fail(Reason::kInternalError, "away");
    const bool is_lease = write.value && write.key.starts_with("/registry/masterleases/");
    if (is_lease && before) std::exchange(before, nullptr)();
    return ForwardingStore::Apply(std::move(write));
  }

  std::function<void()> before;
  bool fails = false;
};

TEST_F(MasterLeasesTest, AServerThatEndsWhileItRenewsIsGoneAllTheSame) {
  BeforeLeases between(*store_);
  MasterLeases one(*store_, "192.0.2.1", {"fd00::1"});
  MasterLeases two(between, "192.0.2.2", {"fd00::2"});
  one.Step();
  two.Step();
  EXPECT_EQ(Told(), "fd00::1,fd00::2");
  between.before = [&] { two.Withdraw(); };
  EXPECT_EQ(two.Step(), kNever);
  EXPECT_EQ(Told(), "fd00::1");
  one.Step();
  EXPECT_EQ(Told(), "fd00::1") << "nor has it a lease any more";
}

TEST_F(MasterLeasesTest, WhatFailsIsTriedAgainBeforeItRunsOut) {
  BeforeLeases between(*store_);
  MasterLeases one(between, "192.0.2.1");
  EXPECT_EQ(one.Step(), MasterLeases::kPeriod);
  between.fails = true;
  EXPECT_LT(MasterLeases::kPeriod + one.Step(), MasterLeases::kTtl);
}

TEST_F(MasterLeasesTest, NothingIsToldOfServersWithOneAddress) {
  MasterLeases one(*store_, "192.0.2.1");
  one.Step();
  EXPECT_EQ(Told(), "none");
}

}  // namespace
}  // namespace skiff
