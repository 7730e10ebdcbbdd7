#include <gtest/gtest.h>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"
#include "controllers/scheduler/volume_claims.h"

namespace skiff::scheduler {
namespace {

constexpr char kDriver[] = "disks.example.com";

Ptr<storage_v1::CSINode> CsiNode(std::optional<int32_t> limit) {
  auto node = std::make_shared<storage_v1::CSINode>();
  auto& driver = node->spec.drivers.emplace_back();
  driver.name = kDriver;
  if (limit) driver.allocatable.Ensure().count = limit;
  return node;
}

PodInfoPtr PodWith(const std::string& name, const std::vector<std::string>& claims) {
  return PodOf(name, 0, "1", [&](core_v1::Pod& pod) {
    for (const std::string& claim : claims) {
      auto& volume = pod.spec.volumes.emplace_back();
      volume.name = claim;
      volume.persistent_volume_claim.Ensure().claim_name = claim;
    }
  });
}

// One node that says how many volumes it may hold. A claim whose name begins with "new" has no
// volume and is of a class of the driver; one with "other" is bound to a volume of another driver,
// any other claim to one of the driver; the volume is called after its claim.
class VolumeLimitsTest : public testing::Test {
 protected:
  VolumeLimitsTest() { cluster_.AddNode("n", "9"); }
  // What the rule says of the node; "": nothing against it.
  std::string Said(const PodInfoPtr& pod) {
    Snapshot snapshot = cluster_.MakeSnapshot();
    snapshot.storage.claim = [](const std::string& namespace_, const std::string& name) {
      auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
      claim->metadata.namespace_ = namespace_;
      claim->metadata.name = name;
      claim->spec.storage_class_name = "disks";
      if (name.starts_with("new-old")) claim->spec.storage_class_name = "old";
      if (!name.starts_with("new") && !name.ends_with("scratch")) claim->spec.volume_name = name;
      return claim;
    };
    snapshot.storage.volume = [](const std::string& name) {
      auto volume = std::make_shared<core_v1::PersistentVolume>();
      if (name.starts_with("vol-")) {
        volume->spec.aws_elastic_block_store.Ensure().volume_id = name;
        return volume;
      }
      auto& csi = volume->spec.csi.Ensure();
      csi.driver = name.starts_with("other") ? "other.example.com" : kDriver;
      csi.volume_handle = name;
      return volume;
    };
    snapshot.storage.storage_class = [](const std::string& name) {
      auto storage_class = std::make_shared<storage_v1::StorageClass>();
      if (name == "disks") storage_class->provisioner = kDriver;
      if (name == "old") storage_class->provisioner = "kubernetes.io/aws-ebs";
      return storage_class;
    };
    snapshot.storage.csi_node = [this](const std::string&) { return csi_node_; };
    snapshot.storage.attachments = [this](const std::string& node) {
      std::vector<Ptr<storage_v1::VolumeAttachment>> found;
      for (const std::string& volume : attached_) {
        auto attachment = std::make_shared<storage_v1::VolumeAttachment>();
        attachment->spec.attacher = kDriver;
        attachment->spec.node_name = node;
        attachment->spec.source.persistent_volume_name = volume;
        found.push_back(attachment);
      }
      return found;
    };
    const Prepared prepared = PrepareNodeVolumeLimits(*pod, snapshot);
    if (!prepared.filter) return "";
    const Verdict verdict = prepared.filter(*snapshot.nodes[0]);
    EXPECT_NE(verdict.code, Verdict::Code::kUnresolvable) << "a pod that goes may help";
    return verdict.fits() ? "" : verdict.Reasons()[0];
  }

  const std::string full_ = "node(s) exceed max volume count";
  SchedulingFixture cluster_;
  Ptr<storage_v1::CSINode> csi_node_ = CsiNode(2);
  std::vector<std::string> attached_;
};

TEST_F(VolumeLimitsTest, ANodeHoldsAsManyVolumesOfADriverAsItSays) {
  EXPECT_EQ(Said(PodWith("p", {"a", "b"})), "");
  EXPECT_EQ(Said(PodWith("p", {"a", "b", "c"})), full_);
  EXPECT_EQ(Said(PodWith("p", {"a", "b", "other-c"})), "");
  cluster_.Place(PodWith("q", {"c"}), "n");
  EXPECT_EQ(Said(PodWith("p", {"a"})), "");
  EXPECT_EQ(Said(PodWith("p", {"a", "b"})), full_);
}

TEST_F(VolumeLimitsTest, NoLimitIsKnownWithoutANumber) {
  csi_node_ = CsiNode(std::nullopt);
  EXPECT_EQ(Said(PodWith("p", {"a", "b", "c"})), "");
  csi_node_ = nullptr;
  EXPECT_EQ(Said(PodWith("p", {"a", "b", "c"})), "");
}

TEST_F(VolumeLimitsTest, AVolumeOfSeveralPodsCountsOnce) {
  cluster_.Place(PodWith("q", {"a", "b"}), "n");
  cluster_.Place(PodWith("r", {"b"}), "n");
  EXPECT_EQ(Said(PodWith("p", {"a", "b"})), "");
  EXPECT_EQ(Said(PodWith("p", {"b", "c"})), full_);
  csi_node_ = CsiNode(1);
  EXPECT_EQ(Said(PodWith("p", {"a"})), "") << "it adds nothing, although there are too many";
}

TEST_F(VolumeLimitsTest, AClaimWithoutAVolumeWillHaveOneOfItsClass) {
  cluster_.Place(PodWith("q", {"new-1"}), "n");
  EXPECT_EQ(Said(PodWith("p", {"new-1", "new-2"})), "");
  EXPECT_EQ(Said(PodWith("p", {"new-2", "new-3"})), full_);
  cluster_.Place(PodOf("e", 0, "1",
                       [](core_v1::Pod& pod) {
                         pod.spec.volumes.emplace_back().name = "scratch";
                         pod.spec.volumes.back().ephemeral.Ensure();
                       }),
                 "n");
  EXPECT_EQ(Said(PodWith("p", {"a"})), full_) << "an ephemeral volume has a claim of its own";
}

TEST_F(VolumeLimitsTest, WhatIsStillAttachedTakesItsPlace) {
  attached_ = {"a", "b"};
  EXPECT_EQ(Said(PodWith("p", {"c"})), full_);
  EXPECT_EQ(Said(PodWith("p", {"b"})), "") << "it is there already";
  cluster_.Place(PodWith("q", {"b"}), "n");
  attached_ = {"b"};
  EXPECT_EQ(Said(PodWith("p", {"c"})), "") << "a mounted volume is attached too";
}

// The pod with volumes that it names without a claim.
PodInfoPtr PodWithDisks(const std::string& name, const std::vector<std::string>& disks) {
  return PodOf(name, 0, "1", [&](core_v1::Pod& pod) {
    for (const std::string& disk : disks) {
      auto& volume = pod.spec.volumes.emplace_back();
      volume.name = disk;
      volume.aws_elastic_block_store.Ensure().volume_id = disk;
    }
  });
}

TEST_F(VolumeLimitsTest, VolumesOfAFormerPluginAreOfTheDriverInItsPlace) {
  auto node = std::make_shared<storage_v1::CSINode>(*CsiNode(2));
  node->spec.drivers[0].name = "ebs.csi.aws.com";
  csi_node_ = node;
  EXPECT_EQ(Said(PodWith("p", {"vol-1", "vol-2", "vol-3"})), full_);
  EXPECT_EQ(Said(PodWithDisks("p", {"vol-1", "vol-2", "vol-3"})), full_);
  EXPECT_EQ(Said(PodWithDisks("p", {"vol-1", "aws:///vol-1", "vol-2"})), "") << "it is one volume";
  cluster_.Place(PodWith("q", {"vol-1"}), "n");
  cluster_.Place(PodWithDisks("r", {"vol-2", "aws://zone/none"}), "n");
  EXPECT_EQ(Said(PodWithDisks("p", {"vol-1"})), "");
  EXPECT_EQ(Said(PodWithDisks("p", {"vol-3"})), full_);
  EXPECT_EQ(Said(PodWith("p", {"new-old"})), full_) << "its class will have one made";
}

TEST_F(VolumeLimitsTest, SharesOfFilesAndVsphereVolumesAreNotCounted) {
  const auto said = [this](const char* driver, const auto& with) {
    auto node = std::make_shared<storage_v1::CSINode>(*CsiNode(0));
    node->spec.drivers[0].name = driver;
    csi_node_ = node;
    const auto add = [&](core_v1::Pod& pod) { with(pod.spec.volumes.emplace_back()); };
    return Said(PodOf("p", 0, "1", add));
  };
  const auto disk = [](core_v1::Volume& it) { it.cinder.Ensure().volume_id = "d"; };
  const auto share = [](core_v1::Volume& it) { it.azure_file.Ensure().share_name = "s"; };
  const auto vsphere = [](core_v1::Volume& it) { it.vsphere_volume.Ensure().volume_path = "d"; };
  EXPECT_EQ(said("cinder.csi.openstack.org", disk), full_);
  EXPECT_EQ(said("file.csi.azure.com", share), "");
  EXPECT_EQ(said("csi.vsphere.vmware.com", vsphere), "");
}

TEST_F(VolumeLimitsTest, AVolumeThatNoDriverCanHaveIsAnError) {
  EXPECT_EQ(Said(PodWithDisks("p", {"aws://zone/none"})),
            "converting volume(aws://zone/none) from inline to csi: failed to translate "
            "Kubernetes ID to EBS Volume ID Invalid format for AWS volume (aws://zone/none)");
  csi_node_ = nullptr;
  EXPECT_EQ(Said(PodWithDisks("p", {"aws://zone/none"})), "");
}

TEST_F(VolumeLimitsTest, OnlyANodeThatTakesMoreIsWorthALook) {
  EXPECT_TRUE(RaisesVolumeLimit(nullptr, *CsiNode(1)));
  EXPECT_TRUE(RaisesVolumeLimit(CsiNode(1).get(), *CsiNode(2)));
  EXPECT_TRUE(RaisesVolumeLimit(CsiNode(1).get(), *CsiNode(std::nullopt)));
  EXPECT_FALSE(RaisesVolumeLimit(CsiNode(2).get(), *CsiNode(1)));
  EXPECT_FALSE(RaisesVolumeLimit(CsiNode(2).get(), *CsiNode(2)));
  EXPECT_FALSE(RaisesVolumeLimit(CsiNode(std::nullopt).get(), *CsiNode(2)));
}

}  // namespace
}  // namespace skiff::scheduler
