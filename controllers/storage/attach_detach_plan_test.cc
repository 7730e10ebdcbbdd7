#include "controllers/storage/attach_detach_plan.h"

#include <gtest/gtest.h>

namespace skiff::attach {
namespace {

core_v1::Node NodeThatIs(const std::string& ready) {
  core_v1::Node node;
  auto& condition = node.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready;
  return node;
}

core_v1::Pod PodIn(const std::string& space, const std::string& name) {
  core_v1::Pod pod;
  pod.metadata.namespace_ = space;
  pod.metadata.name = name;
  return pod;
}

TEST(AttachDetachPlan, NamesAreThoseThatDriversAndKubeletsKnow) {
  const VolumeId volume{"csi.example.com", "vol^1"};
  EXPECT_EQ(UniqueName(volume), "kubernetes.io/csi/csi.example.com^vol^1");
  EXPECT_EQ(ParseUniqueName(UniqueName(volume)), volume);
  EXPECT_EQ(ParseUniqueName("kubernetes.io/iscsi/x^y"), std::nullopt);
  EXPECT_EQ(ParseUniqueName("kubernetes.io/csi/x"), std::nullopt);
  // sha256 of "hdn".
  EXPECT_EQ(AttachmentName({"d", "h"}, "n"),
            "csi-9072ed11cc1acb5fa433a877ff339b6311d013f33bddd1d0092711a8ace5b16d");
}

TEST(AttachDetachPlan, VolumesOfManyNodesAreNotExclusive) {
  core_v1::PersistentVolume volume;
  EXPECT_FALSE(IsExclusive(volume)) << "nothing is said";
  volume.spec.access_modes = {"ReadWriteOnce"};
  EXPECT_TRUE(IsExclusive(volume));
  volume.spec.access_modes = {"ReadWriteOncePod"};
  EXPECT_TRUE(IsExclusive(volume));
  volume.spec.access_modes = {"ReadWriteOnce", "ReadOnlyMany"};
  EXPECT_FALSE(IsExclusive(volume));
}

TEST(AttachDetachPlan, APodNeedsItsVolumesUntilItsContainersHaveEnded) {
  core_v1::Pod pod;
  EXPECT_TRUE(NeedsVolumes(pod));
  pod.metadata.deletion_timestamp = Time();
  EXPECT_FALSE(NeedsVolumes(pod)) << "it never started";
  auto& container = pod.status.container_statuses.emplace_back();
  container.state.running.emplace();
  EXPECT_TRUE(NeedsVolumes(pod));
  container.state.running.reset();
  EXPECT_TRUE(NeedsVolumes(pod)) << "nobody knows";
  container.state.terminated.emplace();
  EXPECT_FALSE(NeedsVolumes(pod));
  core_v1::Pod done;
  done.status.phase = "Succeeded";
  EXPECT_FALSE(NeedsVolumes(done));
}

TEST(AttachDetachPlan, AnAttachmentIsWaitedForAsLongAsItMaySucceed) {
  const VolumeId volume{"d", "h"};
  EXPECT_EQ(ProgressOf(nullptr, volume, 5min).state, AttachState::kMissing);
  storage_v1::VolumeAttachment attachment;
  const auto pending = ProgressOf(&attachment, volume, 30s);
  EXPECT_EQ(pending.state, AttachState::kPending);
  EXPECT_EQ(pending.left, Duration(90s));
  const auto late = ProgressOf(&attachment, volume, 2min);
  EXPECT_EQ(late.state, AttachState::kFailed);
  EXPECT_EQ(late.error,
            "timed out waiting for external-attacher of d CSI driver to attach volume h");
  attachment.status.attach_error.emplace().message = "no such disk";
  EXPECT_EQ(ProgressOf(&attachment, volume, 1s).error, "no such disk");
  attachment.status.attached = true;
  EXPECT_EQ(ProgressOf(&attachment, volume, 5min).state, AttachState::kAttached);
  attachment.metadata.deletion_timestamp = Time();
  EXPECT_EQ(ProgressOf(&attachment, volume, 1s).error, "volume attachment is being deleted");
}

TEST(AttachDetachPlan, WhatIsNotInUseIsDetachedAtOnce) {
  const auto node = NodeThatIs("True");
  EXPECT_EQ(DecideDetach({.node = &node}).verdict, DetachVerdict::kDetach);
}

TEST(AttachDetachPlan, WhatAReadyNodeUsesStays) {
  const auto node = NodeThatIs("True");
  const auto decision = DecideDetach({.is_in_use = true, .node = &node, .unwanted_for = 1h});
  EXPECT_EQ(decision.verdict, DetachVerdict::kWait);
  EXPECT_EQ(decision.again, std::nullopt);
}

TEST(AttachDetachPlan, ANodeThatIsNotReadyHasSixMinutes) {
  const auto node = NodeThatIs("Unknown");
  DetachFacts facts{.is_in_use = true, .node = &node, .unwanted_for = 6min};
  const auto early = DecideDetach(facts);
  EXPECT_EQ(early.verdict, DetachVerdict::kWait);
  ASSERT_TRUE(early.again.has_value());
  facts.unwanted_for += *early.again;
  EXPECT_EQ(DecideDetach(facts).verdict, DetachVerdict::kForce);
  facts.node = nullptr;
  EXPECT_EQ(DecideDetach(facts).verdict, DetachVerdict::kForce) << "it is gone";
  facts.may_time_out = false;
  EXPECT_EQ(DecideDetach(facts).verdict, DetachVerdict::kWait);
}

TEST(AttachDetachPlan, ANodeThatIsOutOfServiceGivesUpAllAtOnce) {
  auto node = NodeThatIs("Unknown");
  node.spec.taints.emplace_back().key = "node.kubernetes.io/out-of-service";
  EXPECT_EQ(DecideDetach({.is_in_use = true, .node = &node, .may_time_out = false}).verdict,
            DetachVerdict::kForce);
}

TEST(AttachDetachPlan, WhoHasTheVolumeIsNamedToTheirNamespaceAlone) {
  const auto pod = PodIn("a", "new");
  const auto one = PodIn("a", "old-1");
  const auto two = PodIn("a", "old-2");
  const auto other = PodIn("b", "secret");
  EXPECT_EQ(MultiAttachText("pv", pod, {}),
            "Multi-Attach error for volume \"pv\" Volume is already exclusively attached to one "
            "node and can't be attached to another");
  EXPECT_EQ(MultiAttachText("pv", pod, {&one, &two}),
            "Multi-Attach error for volume \"pv\" Volume is already used by pod(s) old-1, old-2");
  EXPECT_EQ(MultiAttachText("pv", pod, {&one, &other}),
            "Multi-Attach error for volume \"pv\" Volume is already used by pod(s) old-1 and 1 "
            "pod(s) in different namespaces");
  EXPECT_EQ(MultiAttachText("pv", pod, {&other}),
            "Multi-Attach error for volume \"pv\" Volume is already used by 1 pod(s) in different "
            "namespaces");
}

TEST(AttachDetachPlan, AttemptsBecomeRarer) {
  EXPECT_EQ(AttachBackoff(1), Duration(500ms));
  EXPECT_EQ(AttachBackoff(3), Duration(2s));
  EXPECT_EQ(AttachBackoff(100), Duration(122s));
}

}  // namespace
}  // namespace skiff::attach
