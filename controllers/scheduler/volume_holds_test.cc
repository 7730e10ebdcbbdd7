#include "controllers/scheduler/volume_holds.h"

#include <gtest/gtest.h>

namespace skiff::scheduler {
namespace {

VolumePtr VolumeOf(const std::string& name, const std::string& version) {
  auto volume = std::make_shared<core_v1::PersistentVolume>();
  volume->metadata.name = volume->metadata.uid = name;
  volume->metadata.resource_version = version;
  volume->spec.storage_class_name = "local";
  volume->spec.capacity["storage"] = Quantity::FromValue(1);
  volume->status.phase = "Available";
  return volume;
}

ClaimPtr ClaimOf(const std::string& name) {
  auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
  claim->metadata.namespace_ = "default";
  claim->metadata.name = claim->metadata.uid = name;
  claim->metadata.resource_version = "1";
  claim->spec.storage_class_name = "local";
  claim->spec.resources.requests["storage"] = Quantity::FromValue(1);
  return claim;
}

class VolumeHoldsTest : public testing::Test {
 protected:
  VolumeHoldsTest() {
    node_.metadata.name = "node1";
    storage_.storage_class = [](const std::string&) {
      auto storage_class = std::make_shared<storage_v1::StorageClass>();
      storage_class->provisioner = "kubernetes.io/no-provisioner";
      return storage_class;
    };
    storage_.volumes = [this] { return holds_.Shown(volumes_); };
  }
  // The volume that is planned for the claim; "": none is left.
  std::string PlanFor(const ClaimPtr& claim) {
    const auto plan = PlanClaims({claim}, VolumesFor({claim}, storage_), node_, storage_);
    return plan ? plan->at(0).volume->metadata.name : "";
  }
  // Decides for a pod of that claim.
  void Place(const std::string& pod, const ClaimPtr& claim) {
    const auto plan = PlanClaims({claim}, VolumesFor({claim}, storage_), node_, storage_);
    ASSERT_TRUE(plan);
    holds_.Hold(*plan, "node1", pod);
  }

  std::vector<VolumePtr> volumes_ = {VolumeOf("a", "1"), VolumeOf("b", "1")};
  core_v1::Node node_;
  StorageView storage_;
  VolumeHolds holds_;
};

TEST_F(VolumeHoldsTest, NoTwoClaimsAreMeantToHaveTheSameVolume) {
  EXPECT_EQ(PlanFor(ClaimOf("one")), "a");
  Place("pod1", ClaimOf("one"));
  EXPECT_EQ(PlanFor(ClaimOf("two")), "b");
  EXPECT_EQ(PlanFor(ClaimOf("one")), "a") << "it is its own";
  Place("pod2", ClaimOf("two"));
  EXPECT_EQ(PlanFor(ClaimOf("three")), "");
  EXPECT_TRUE(holds_.Release("pod1"));
  EXPECT_FALSE(holds_.Release("pod1"));
  EXPECT_EQ(PlanFor(ClaimOf("three")), "a");
}

TEST_F(VolumeHoldsTest, VolumesOfOtherClaimsAreNotLookedAt) {
  Place("pod1", ClaimOf("one"));
  EXPECT_EQ(VolumesFor({ClaimOf("two")}, storage_).size(), 1u);
  EXPECT_EQ(VolumesFor({ClaimOf("one")}, storage_).size(), 2u);
}

TEST_F(VolumeHoldsTest, AVolumeIsHeldUntilTheLastPodOfItsClaimLetsGo) {
  Place("pod1", ClaimOf("one"));
  Place("pod2", ClaimOf("one"));
  EXPECT_TRUE(holds_.Release("pod1"));
  EXPECT_EQ(PlanFor(ClaimOf("two")), "b");
  EXPECT_TRUE(holds_.Release("pod2"));
  EXPECT_EQ(PlanFor(ClaimOf("two")), "a");
}

TEST_F(VolumeHoldsTest, WhatHasChangedSinceIsSeenAsItIs) {
  Place("pod1", ClaimOf("one"));
  volumes_[0] = VolumeOf("a", "2");
  EXPECT_EQ(PlanFor(ClaimOf("two")), "a");
}

TEST_F(VolumeHoldsTest, PodsOfOneClaimGoWhereItWillBeMade) {
  const ClaimPtr claim = ClaimOf("one");
  holds_.Hold({{claim, nullptr}}, "node1", "pod1");
  const ClaimPtr shown = holds_.Shown(claim);
  EXPECT_EQ(shown->metadata.annotations.at(std::string(kSelectedNodeAnnotation)), "node1");
  core_v1::Node other;
  other.metadata.name = "node2";
  EXPECT_FALSE(PlanClaims({shown}, {}, other, storage_));
  EXPECT_EQ(holds_.Shown(ClaimOf("two"))->metadata.annotations.size(), 0u);
  EXPECT_EQ(holds_.Shown(ClaimPtr()), nullptr);
  EXPECT_TRUE(holds_.Release("pod1"));
  EXPECT_EQ(holds_.Shown(claim), claim);
}

}  // namespace
}  // namespace skiff::scheduler
