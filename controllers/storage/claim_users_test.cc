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

}  // namespace
}  // namespace skiff
