#include "kubelet/csi/csi_volumes_fixture.h"

namespace skiff::kubelet::csi {
namespace {

using testing::ElementsAre;

class CsiExpansionTest : public CsiVolumesTest {
 protected:
  CsiExpansionTest() {
    Attach();
    SetSize("1Gi");
    claim_->status.capacity["storage"] = *Quantity::Parse("1Gi");
  }
  void SetSize(const std::string& size) {
    volume_->spec.capacity["storage"] = *Quantity::Parse(size);
  }
  // As external-resizer does.
  void Grow(const std::string& size) {
    SetSize(size);
    claim_->spec.resources.requests["storage"] = *Quantity::Parse(size);
    claim_->status.allocated_resources["storage"] = *Quantity::Parse(size);
    claim_->status.allocated_resource_statuses["storage"] = "NodeResizePending";
    claim_->status.conditions.emplace_back().type = "FileSystemResizePending";
  }
  Quantity Capacity() { return claim_->status.capacity.at("storage"); }
};

TEST_F(CsiExpansionTest, AVolumeGrowsWhileItIsInUse) {
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1"));
  Grow("2Gi");
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "expand v1"));
  EXPECT_EQ(driver_.expanded.capacity_range().required_bytes(), int64_t{2} << 30);
  EXPECT_EQ(driver_.expanded.volume_path(),
            tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount");
  EXPECT_EQ(driver_.expanded.staging_target_path(),
            StagingDirectory(tree_.root(), "fake.csi", "v1") + "/globalmount");
  EXPECT_EQ(Capacity(), *Quantity::Parse("2Gi"));
  EXPECT_TRUE(claim_->status.conditions.empty());
  EXPECT_TRUE(claim_->status.allocated_resource_statuses.empty());
}

TEST_F(CsiExpansionTest, OneThatWaitedForAPodGrowsBeforeThePodHasIt) {
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::INTERNAL, "not now");
  EXPECT_EQ(
      ErrorOf(Claiming("a")).message,
      "MountVolume.Setup failed while expanding volume for volume \"pv\" : Expander.NodeExpand "
      "failed to expand the volume : rpc error: code = Internal desc = not now");
  EXPECT_EQ(claim_->status.allocated_resource_statuses.at("storage"), "NodeResizeInProgress");
  EXPECT_EQ(claim_->status.conditions.back().type, "NodeResizeError");
  driver_.expansion_problem = grpc::Status::OK;
  EXPECT_EQ(ErrorOf(Claiming("a")).message, "");
  EXPECT_EQ(Capacity(), *Quantity::Parse("2Gi"));
}

TEST_F(CsiExpansionTest, WhatCannotGrowIsNotTriedForEver) {
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "too much");
  ASSERT_TRUE(manager_->SetUp(Claiming("a"))) << "the pod has it already";
  clock_.Advance(CsiVolumes::kFirstRetry);
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_EQ(claim_->status.allocated_resource_statuses.at("storage"), "NodeResizeInfeasible");
  EXPECT_EQ(driver_.calls.size(), 3u);
  EXPECT_EQ(Capacity(), *Quantity::Parse("1Gi"));
}

TEST_F(CsiExpansionTest, WhatAPodOnlyReadsDoesNotGrowForIt) {
  core_v1::Pod pod = Claiming("a");
  pod.spec.volumes[0].persistent_volume_claim->read_only = true;
  Grow("2Gi");
  ASSERT_TRUE(manager_->SetUp(pod));
  ASSERT_TRUE(manager_->SetUp(pod));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1"));
  EXPECT_EQ(Capacity(), *Quantity::Parse("1Gi"));
}

TEST_F(CsiExpansionTest, WhatFailsToGrowInUseIsTriedEverLessOften) {
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now");
  driver_.calls.clear();
  for (int i = 0; i < 600; ++i) {
    ASSERT_TRUE(manager_->SetUp(Claiming("a")));
    clock_.Advance(100ms);
  }
  EXPECT_EQ(driver_.calls.size(), 7u) << "after 0.5, 1, 2, 4, 8 and 16 seconds more";
  driver_.expansion_problem = grpc::Status::OK;
  clock_.Advance(CsiVolumes::kLongestRetry);
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_EQ(Capacity(), *Quantity::Parse("2Gi"));
}

TEST_F(CsiExpansionTest, ADriverThatGrowsNothingInUseKeepsNoPodWaiting) {
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "in use");
  EXPECT_EQ(ErrorOf(Claiming("a")).message, "");
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "expand v1"));
}

TEST_F(CsiExpansionTest, NoPodWaitsForAVolumeThatGrowsInUse) {
  std::vector<std::function<void()>> later;
  run_ = [&](std::function<void()> task) { later.push_back(std::move(task)); };
  Restart();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  Grow("2Gi");
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1"));
  ASSERT_EQ(later.size(), 1u) << "once at a time";
  later.back()();
  EXPECT_EQ(driver_.calls.back(), "expand v1");
  EXPECT_EQ(Capacity(), *Quantity::Parse("2Gi"));
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_EQ(later.size(), 1u);
  Grow("3Gi");
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  ASSERT_EQ(later.size(), 2u);
  ASSERT_TRUE(manager_->TearDown("a"));
  driver_.calls.clear();
  later.back()();
  EXPECT_THAT(driver_.calls, testing::Not(testing::Contains("expand v1"))) << "the pod has ended";
}

}  // namespace
}  // namespace skiff::kubelet::csi
