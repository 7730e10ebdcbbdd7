// CSI volumes that are attached to nodes and taken from them, on the real server: an attacher is
// played by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/gen/storage_v1.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Event;
using core_v1::Node;
using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using storage_v1::VolumeAttachment;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kDisk = "kubernetes.io/csi/disk.example.com^d1";

class AttachDetachTest : public ControllersTest {
 protected:
  AttachDetachTest() {
    Manage("node1");
    MakeVolume("ReadWriteOnce");
  }

  void Manage(const std::string& name) {
    if (!cluster_.Get<Node>({"", name})) {
      cluster_.Apply(NodeOf(name));
      cluster_.Edit<Node>({"", name}, [&](Node& it) { it.status = NodeOf(name).status; }, true);
    }
    cluster_.Edit<Node>({"", name}, [](Node& it) {
      it.metadata.annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true";
    });
    cluster_.RunFor(1s);
  }

  void MakeVolume(const std::string& mode) {
    PersistentVolume volume;
    volume.metadata.name = "pv";
    volume.spec.capacity["storage"] = *Quantity::Parse("1Gi");
    volume.spec.access_modes = {mode};
    volume.spec.storage_class_name = "disks";
    auto& source = volume.spec.csi.emplace();
    source.driver = "disk.example.com";
    source.volume_handle = "d1";
    PersistentVolumeClaim claim;
    claim.metadata.name = "data";
    claim.metadata.namespace_ = "default";
    claim.spec.access_modes = {mode};
    claim.spec.resources.requests["storage"] = *Quantity::Parse("1Gi");
    claim.spec.storage_class_name = "disks";
    claim.spec.volume_name = "pv";
    cluster_.Apply(volume).Apply(claim).RunFor(1min);
  }

  void StartPod(const std::string& name, const std::string& node) {
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "default";
    core_v1::PodTemplateSpec pod_template;
    FillTemplate(pod_template, name, "busybox");
    pod.spec = pod_template.spec;
    pod.spec.node_name = node;
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = "data";
    volume.persistent_volume_claim.Ensure().claim_name = "data";
    cluster_.Apply(pod).RunFor(1s);
  }
  void EndPod(const std::string& name) {
    cluster_.Delete<Pod>({"default", name}, {.grace_period_s = 0}).RunFor(1s);
  }

  // Does what an attacher would with all that is asked of it.
  void AttachAll() {
    for (const auto& each : cluster_.List<VolumeAttachment>()) {
      cluster_.Edit<VolumeAttachment>(
          KeyOf(each), [](VolumeAttachment& it) { it.status.attached = true; }, true);
    }
    cluster_.RunFor(1s);
  }
  std::vector<std::string> AttachedTo(const std::string& name) {
    std::vector<std::string> names;
    const auto node = cluster_.Get<Node>({"", name});
    for (const auto& each : node->status.volumes_attached) {
      names.push_back(each.name);
    }
    return names;
  }
  std::vector<std::string> NodesAsked() {
    std::vector<std::string> nodes;
    for (const auto& each : cluster_.List<VolumeAttachment>()) nodes.push_back(each.spec.node_name);
    return nodes;
  }
  void Use(const std::string& node, std::vector<std::string> volumes) {
    cluster_.Edit<Node>(
        {"", node}, [&](Node& it) { it.status.volumes_in_use = std::move(volumes); }, true);
    cluster_.RunFor(1s);
  }
  std::set<std::string> Told(const std::string& pod) {
    cluster_.RunFor(1s);
    std::set<std::string> told;
    for (const auto& event : cluster_.List<Event>()) {
      if (event.involved_object.name != pod) continue;
      if (event.source.component == "attachdetach-controller") {
        told.insert(event.reason + ": " + event.message);
      }
    }
    return told;
  }
};
INSTANTIATE_TEST_SUITE_P(Seeds, AttachDetachTest, kOrders);

TEST_P(AttachDetachTest, AVolumeComesAndGoesWithItsPod) {
  StartPod("web", "node1");
  const auto asked = cluster_.List<VolumeAttachment>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].spec.attacher, "disk.example.com");
  EXPECT_EQ(asked[0].spec.source.persistent_volume_name, "pv");
  EXPECT_THAT(AttachedTo("node1"), IsEmpty()) << "nobody has attached it yet";
  AttachAll();
  EXPECT_THAT(AttachedTo("node1"), ElementsAre(kDisk));
  EXPECT_THAT(Told("web"), ElementsAre(
      "SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume \"pv\" "));
  Use("node1", {kDisk});
  EndPod("web");
  EXPECT_THAT(AttachedTo("node1"), ElementsAre(kDisk)) << "the kubelet has it mounted";
  Use("node1", {});
  EXPECT_THAT(AttachedTo("node1"), IsEmpty());
  EXPECT_THAT(NodesAsked(), IsEmpty());
}

TEST_P(AttachDetachTest, AnExclusiveVolumeIsWaitedForByTheSecondNode) {
  Manage("node2");
  StartPod("old", "node1");
  AttachAll();
  StartPod("new", "node2");
  EXPECT_THAT(NodesAsked(), ElementsAre("node1"));
  EXPECT_THAT(Told("new"), ElementsAre(
      "FailedAttachVolume: Multi-Attach error for volume \"pv\" Volume is already used by pod(s) "
      "old"));
  EndPod("old");
  EXPECT_THAT(NodesAsked(), ElementsAre("node2"));
  AttachAll();
  EXPECT_THAT(AttachedTo("node1"), IsEmpty());
  EXPECT_THAT(AttachedTo("node2"), ElementsAre(kDisk));
}

TEST_P(AttachDetachTest, WhatAnAttacherSaysIsToldAndTriedAgain) {
  StartPod("web", "node1");
  for (const auto& each : cluster_.List<VolumeAttachment>()) {
    cluster_.Edit<VolumeAttachment>(
        KeyOf(each),
        [](VolumeAttachment& it) { it.status.attach_error.emplace().message = "no such disk"; },
        true);
  }
  EXPECT_THAT(Told("web"), Contains(
      "FailedAttachVolume: AttachVolume.Attach failed for volume \"pv\" : no such disk"));
  AttachAll();
  EXPECT_THAT(AttachedTo("node1"), ElementsAre(kDisk));
}

TEST_P(AttachDetachTest, ANodeThatIsOutOfServiceLosesItsVolumes) {
  StartPod("web", "node1");
  AttachAll();
  Use("node1", {kDisk});
  silent_.insert("node1");
  EndPod("web");
  EXPECT_THAT(NodesAsked(), ElementsAre("node1"));
  cluster_.Edit<Node>({"", "node1"}, [](Node& it) {
    auto& taint = it.spec.taints.emplace_back();
    taint.key = "node.kubernetes.io/out-of-service";
    taint.effect = "NoExecute";
  });
  cluster_.RunFor(1s);
  EXPECT_THAT(NodesAsked(), IsEmpty());
}

TEST_P(AttachDetachTest, ANodeThatFellSilentLosesThemAfterSixMinutes) {
  StartPod("web", "node1");
  AttachAll();
  Use("node1", {kDisk});
  silent_.insert("node1");
  cluster_.RunFor(2min);
  EndPod("web");
  cluster_.RunFor(5min);
  EXPECT_THAT(NodesAsked(), ElementsAre("node1"));
  cluster_.RunFor(2min);
  EXPECT_THAT(NodesAsked(), IsEmpty());
}

TEST_P(AttachDetachTest, ADriverMayNeedNoAttachment) {
  cluster_.Apply("apiVersion: storage.k8s.io/v1\nkind: CSIDriver\n"
                 "metadata: {name: disk.example.com}\nspec: {attachRequired: false}\n");
  StartPod("web", "node1");
  EXPECT_THAT(NodesAsked(), IsEmpty());
}

TEST_P(AttachDetachTest, AttachmentsOfOthersAreTheirs) {
  VolumeAttachment other;
  other.metadata.name = "by-hand";
  other.spec.attacher = "disk.example.com";
  other.spec.node_name = "node1";
  other.spec.source.persistent_volume_name = "pv";
  cluster_.Apply(other).RunFor(10min);
  EXPECT_NE(cluster_.Get<VolumeAttachment>({"", "by-hand"}), nullptr);
}

}  // namespace
}  // namespace skiff
