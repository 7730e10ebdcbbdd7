#include "controllers/storage/volume_expansion_plan.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

core_v1::PersistentVolumeClaim ClaimWith(const std::string& request, const std::string& capacity) {
  core_v1::PersistentVolumeClaim claim;
  claim.status.phase = "Bound";
  claim.spec.resources.requests["storage"] = *Quantity::Parse(request);
  claim.status.capacity["storage"] = *Quantity::Parse(capacity);
  return claim;
}

TEST(VolumeExpansionPlan, OnlyABoundClaimWaitsForMore) {
  EXPECT_TRUE(WantsMore(ClaimWith("2Gi", "1Gi")));
  EXPECT_FALSE(WantsMore(ClaimWith("1Gi", "1024Mi")));
  EXPECT_FALSE(WantsMore(ClaimWith("1Gi", "2Gi")));
  auto pending = ClaimWith("2Gi", "1Gi");
  pending.status.phase = "Pending";
  EXPECT_FALSE(WantsMore(pending));
}

TEST(VolumeExpansionPlan, ItHearsOfEachStepOnce) {
  const auto small = ClaimWith("1Gi", "1Gi");
  const auto asks = ClaimWith("3Gi", "1Gi");
  const auto more = ClaimWith("3Gi", "2Gi");
  EXPECT_TRUE(IsNewWish(nullptr, asks));
  EXPECT_FALSE(IsNewWish(nullptr, small));
  EXPECT_TRUE(IsNewWish(&small, asks));
  EXPECT_FALSE(IsNewWish(&asks, asks)) << "something else has changed";
  EXPECT_TRUE(IsNewWish(&asks, more));
  EXPECT_FALSE(IsNewWish(&more, ClaimWith("3Gi", "3Gi")));
  EXPECT_FALSE(IsNewWish(&asks, ClaimWith("2Gi", "1Gi"))) << "it asks for less";
}

}  // namespace
}  // namespace skiff
