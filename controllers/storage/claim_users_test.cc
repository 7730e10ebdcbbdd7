#include "controllers/storage/claim_users.h"

#include <gtest/gtest.h>

#include "client/client.h"

namespace skiff {
namespace {

class ClaimUsersTest : public testing::Test {
 protected:
  ClaimUsersTest() {
    pod_.metadata.name = "web";
    pod_.metadata.uid = "u";
    pod_.spec.node_name = "node1";
    pod_.spec.volumes.emplace_back().name = "data";
    claim_.metadata.name = "web-data";
  }
  void ShutDown() {
    pod_.metadata.deletion_timestamp = Time();
    pod_.metadata.deletion_grace_period_seconds = 0;
  }
  core_v1::Pod pod_;
  core_v1::PersistentVolumeClaim claim_;
};

TEST_F(ClaimUsersTest, APodHoldsItsClaimUntilItIsGone) {
  EXPECT_FALSE(UsesClaim(pod_, claim_));
  pod_.spec.volumes[0].persistent_volume_claim.Ensure().claim_name = "web-data";
  EXPECT_TRUE(UsesClaim(pod_, claim_));
  pod_.status.phase = "Succeeded";
  ShutDown();
  EXPECT_TRUE(UsesClaim(pod_, claim_));
  pod_.spec.node_name = "";
  EXPECT_FALSE(UsesClaim(pod_, claim_)) << "it will not start";
}

TEST_F(ClaimUsersTest, AClaimThatWasMadeForAPodGoesBeforeIt) {
  pod_.spec.volumes[0].ephemeral.emplace();
  EXPECT_FALSE(UsesClaim(pod_, claim_)) << "it is somebody else's";
  claim_.metadata.owner_references.push_back(
      ControllerReference(core_v1::Pod::Info(), pod_.metadata));
  EXPECT_TRUE(UsesClaim(pod_, claim_));
  ShutDown();
  EXPECT_FALSE(UsesClaim(pod_, claim_));
}

// Else each of ten thousand claims that go would have ten thousand pods listed.
TEST_F(ClaimUsersTest, OneListRulesOutAllClaimsThatWereToGoByThen) {
  pod_.spec.volumes[0].persistent_volume_claim.Ensure().claim_name = "used";
  ListedClaimUsers listed("ns", 7);
  listed.Add(pod_);
  claim_.metadata.namespace_ = "ns";
  claim_.metadata.deletion_timestamp = Time();
  claim_.metadata.resource_version = "7";
  EXPECT_TRUE(listed.RuleOut(claim_));
  claim_.metadata.name = "used";
  EXPECT_FALSE(listed.RuleOut(claim_));
  claim_.metadata.name = "unused";
  EXPECT_TRUE(listed.RuleOut(claim_));
  claim_.metadata.resource_version = "8";
  EXPECT_FALSE(listed.RuleOut(claim_)) << "a pod may have come before it was to go";
  claim_.metadata.resource_version = "6";
  claim_.metadata.namespace_ = "elsewhere";
  EXPECT_FALSE(listed.RuleOut(claim_));
  claim_.metadata.namespace_ = "ns";
  claim_.metadata.deletion_timestamp.reset();
  EXPECT_FALSE(listed.RuleOut(claim_)) << "it may be used yet";
}

}  // namespace
}  // namespace skiff
