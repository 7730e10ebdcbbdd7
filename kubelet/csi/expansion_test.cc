#include "kubelet/csi/expansion.h"

#include <gtest/gtest.h>

namespace skiff::kubelet::csi {
namespace {

Quantity Of(const std::string& text) {
  return *Quantity::Parse(text);
}

class ExpansionTest : public testing::Test {
 protected:
  ExpansionTest() {
    volume_.spec.capacity["storage"] = Of("2Gi");
    claim_.status.capacity["storage"] = Of("1Gi");
    claim_.status.allocated_resources["storage"] = Of("2Gi");
    claim_.spec.access_modes = {"ReadWriteOnce"};
  }
  void State(const std::string& state) {
    claim_.status.allocated_resource_statuses["storage"] = state;
  }
  Expansion Plan(const std::string& known = "0") const {
    return PlanExpansion(claim_, volume_, Of(known)).what;
  }
  core_v1::PersistentVolume volume_;
  core_v1::PersistentVolumeClaim claim_;
};

TEST_F(ExpansionTest, TheNodesTurnComesAfterTheControllers) {
  for (const char* state : {"ControllerResizeInProgress", "NodeResizeInfeasible", ""}) {
    State(state);
    EXPECT_EQ(Plan(), Expansion::kNone) << state;
  }
  for (const char* state : {"NodeResizePending", "NodeResizeInProgress"}) {
    State(state);
    EXPECT_EQ(Plan(), Expansion::kNode) << state;
    EXPECT_EQ(PlanExpansion(claim_, volume_, {}).size, Of("2Gi"));
  }
}

TEST_F(ExpansionTest, WhatHasItsSizeDoesNotGrow) {
  State("NodeResizePending");
  claim_.status.capacity["storage"] = Of("2Gi");
  EXPECT_EQ(Plan(), Expansion::kNone);
  EXPECT_EQ(Plan("2Gi"), Expansion::kNone);
}

TEST_F(ExpansionTest, ASharedVolumeGrowsOnEachNode) {
  claim_.status.capacity["storage"] = Of("2Gi");
  EXPECT_EQ(Plan("1Gi"), Expansion::kNone);
  EXPECT_EQ(PlanExpansion(claim_, volume_, Of("1Gi")).size, Of("2Gi")) << "it needs nothing here";
  claim_.spec.access_modes = {"ReadWriteMany"};
  EXPECT_EQ(Plan("1Gi"), Expansion::kSilent);
  claim_.metadata.annotations["volume.kubernetes.io/node-expansion-not-required"] = "true";
  EXPECT_EQ(Plan("1Gi"), Expansion::kNone);
}

TEST_F(ExpansionTest, AnOlderResizerWritesNoStates) {
  claim_.status.allocated_resources.clear();
  EXPECT_EQ(Plan(), Expansion::kOld);
}

TEST_F(ExpansionTest, TheClaimIsToldOfEachStep) {
  SetExpanding(claim_);
  EXPECT_EQ(claim_.status.allocated_resource_statuses.at("storage"), "NodeResizeInProgress");
  claim_.status.conditions.emplace_back().type = "FileSystemResizePending";
  claim_.status.conditions.emplace_back().type = "Another";
  SetExpansionFailed(claim_, "it", false, TimePoint());
  EXPECT_EQ(claim_.status.allocated_resource_statuses.at("storage"), "NodeResizeInProgress");
  ASSERT_EQ(claim_.status.conditions.size(), 3u);
  EXPECT_EQ(claim_.status.conditions[2].type, "NodeResizeError");
  EXPECT_EQ(claim_.status.conditions[2].message, "failed to expand pvc with it");
  SetExpansionFailed(claim_, "it", true, TimePoint());
  EXPECT_EQ(claim_.status.conditions.size(), 3u);
  EXPECT_EQ(claim_.status.allocated_resource_statuses.at("storage"), "NodeResizeInfeasible");
  SetExpanded(claim_, Of("2Gi"));
  EXPECT_EQ(claim_.status.capacity.at("storage"), Of("2Gi"));
  EXPECT_TRUE(claim_.status.allocated_resource_statuses.empty());
  ASSERT_EQ(claim_.status.conditions.size(), 1u);
  EXPECT_EQ(claim_.status.conditions[0].type, "Another");
}

}  // namespace
}  // namespace skiff::kubelet::csi
