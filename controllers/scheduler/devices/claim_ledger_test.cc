#include "controllers/scheduler/devices/claim_ledger.h"

#include <gtest/gtest.h>

namespace skiff::scheduler {
namespace {

const PoolKey kPool = {"gpu.io", "pool"};

resource_v1::AllocationResult Of(const std::string& device) {
  resource_v1::AllocationResult allocation;
  auto& result = allocation.devices.results.emplace_back();
  result.driver = kPool.first;
  result.pool = kPool.second;
  result.device = device;
  return allocation;
}

DeviceClaimPtr Version(const std::string& version, const std::string& device = "",
                       const std::string& uid = "uid-c") {
  auto claim = std::make_shared<resource_v1::ResourceClaim>();
  claim->metadata.namespace_ = "default";
  claim->metadata.name = "c";
  claim->metadata.uid = uid;
  claim->metadata.resource_version = version;
  if (!device.empty()) claim->status.allocation = Of(device);
  return claim;
}

class ClaimLedgerTest : public testing::Test {
 protected:
  std::string VersionKnown() {
    const auto claim = ledger_.Get("default", "c");
    return claim ? claim->metadata.resource_version : "";
  }
  bool IsTaken(const std::string& device) { return ledger_.allocated().Contains(kPool, device); }
  ClaimLedger ledger_;
};

TEST_F(ClaimLedgerTest, DevicesAreTakenAsLongAsAClaimHoldsThem) {
  ledger_.Heard(nullptr, Version("1"));
  EXPECT_FALSE(IsTaken("gpu-0"));
  ledger_.Heard(Version("1"), Version("2", "gpu-0"));
  EXPECT_TRUE(IsTaken("gpu-0"));
  ledger_.Heard(Version("2", "gpu-0"), Version("3"));
  EXPECT_FALSE(IsTaken("gpu-0"));
  ledger_.Heard(Version("3"), Version("4", "gpu-1"));
  ledger_.Heard(Version("4", "gpu-1"), nullptr);
  EXPECT_FALSE(IsTaken("gpu-1"));
  EXPECT_EQ(VersionKnown(), "");
}

TEST_F(ClaimLedgerTest, WhatWasWrittenToOneThatIsGoneDoesNotReplaceItsSuccessor) {
  ledger_.Heard(nullptr, Version("1"));
  ledger_.Begin(*Version("1"), Of("gpu-0"));
  ledger_.Heard(Version("1"), nullptr);
  ledger_.Heard(nullptr, Version("5", "", "uid-next"));
  ledger_.Written(Version("3", "gpu-0"));
  EXPECT_EQ(VersionKnown(), "5");
  EXPECT_FALSE(IsTaken("gpu-0"));
}

TEST_F(ClaimLedgerTest, WhatIsUnderWayIsTakenBeforeItIsWritten) {
  ledger_.Heard(nullptr, Version("1"));
  ledger_.Begin(*Version("1"), Of("gpu-0"));
  EXPECT_TRUE(ledger_.IsUnderWay("uid-c"));
  EXPECT_TRUE(IsTaken("gpu-0"));
  ledger_.Written(Version("3", "gpu-0"));
  EXPECT_FALSE(ledger_.IsUnderWay("uid-c"));
  EXPECT_TRUE(IsTaken("gpu-0"));
  EXPECT_EQ(VersionKnown(), "3");
  // What informers still have to tell is older: of the finalizer.
  ledger_.Heard(Version("1"), Version("2"));
  EXPECT_TRUE(IsTaken("gpu-0"));
  EXPECT_EQ(VersionKnown(), "3");
  ledger_.Heard(Version("2"), Version("3", "gpu-0"));
  ledger_.Heard(Version("3", "gpu-0"), Version("4"));
  EXPECT_FALSE(IsTaken("gpu-0"));
}

TEST_F(ClaimLedgerTest, WhatIsGivenUpIsFree) {
  ledger_.Heard(nullptr, Version("1"));
  ledger_.Begin(*Version("1"), Of("gpu-0"));
  ledger_.GiveUp("uid-c");
  ledger_.GiveUp("uid-c");
  EXPECT_FALSE(ledger_.IsUnderWay("uid-c"));
  EXPECT_FALSE(IsTaken("gpu-0"));
  EXPECT_EQ(VersionKnown(), "1");
}

TEST_F(ClaimLedgerTest, AClaimThatIsGoneIsNotBroughtBackByAnAnswer) {
  ledger_.Heard(nullptr, Version("1"));
  ledger_.Begin(*Version("1"), Of("gpu-0"));
  ledger_.Heard(Version("1"), nullptr);
  EXPECT_TRUE(IsTaken("gpu-0")) << "its write is still under way";
  ledger_.Written(Version("2", "gpu-0"));
  EXPECT_FALSE(IsTaken("gpu-0"));
  EXPECT_EQ(VersionKnown(), "");
}

TEST_F(ClaimLedgerTest, ANamesakeIsAnotherClaim) {
  ledger_.Heard(nullptr, Version("9", "gpu-0"));
  ledger_.Heard(Version("9", "gpu-0"), Version("5", "", "uid-d"));
  EXPECT_EQ(VersionKnown(), "5");
  EXPECT_FALSE(IsTaken("gpu-0"));
}

}  // namespace
}  // namespace skiff::scheduler
