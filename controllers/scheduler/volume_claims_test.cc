// What is said of the claims of a pod.
#include "controllers/scheduler/volume_claims.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

core_v1::Pod PodOfClaims(const std::vector<std::string>& names) {
  core_v1::Pod pod;
  for (const std::string& name : names) {
    pod.spec.volumes.emplace_back().persistent_volume_claim.Ensure().claim_name = name;
  }
  return pod;
}

// A claim "bound" whose volume no node reaches, "later" that waits for a consumer and finds
// nothing, "waiting" for its volume, "leaving", "lost", "pod-own" and "pod-other" that were made
// for pods of that uid, and none else.
StorageView Storage(const Snapshot& snapshot) {
  StorageView storage = snapshot.storage;
  storage.claim = [](const std::string&, const std::string& name) -> ClaimPtr {
    auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
    claim->metadata.name = name;
    if (name == "bound") {
      claim->metadata.annotations["pv.kubernetes.io/bind-completed"] = "yes";
      claim->spec.volume_name = "v";
    } else if (name == "later") {
      claim->spec.storage_class_name = "later";
      claim->spec.resources.requests["storage"] = Quantity::FromValue(1);
    } else if (name == "leaving") {
      claim->metadata.deletion_timestamp.emplace();
    } else if (name == "lost") {
      claim->metadata.annotations["pv.kubernetes.io/bind-completed"] = "yes";
      claim->spec.volume_name = "v";
      claim->status.phase = "Lost";
    } else if (name == "pod-own" || name == "pod-other") {
      claim->metadata.namespace_ = "default";
      auto& owner = claim->metadata.owner_references.emplace_back();
      owner.controller = true;
      owner.uid = name.substr(4);
    } else if (name != "waiting") {
      return nullptr;
    }
    return claim;
  };
  storage.volume = [](const std::string&) {
    auto volume = std::make_shared<core_v1::PersistentVolume>();
    volume->spec.node_affinity.Ensure().required.Ensure();
    return volume;
  };
  storage.storage_class = [](const std::string&) {
    auto storage_class = std::make_shared<storage_v1::StorageClass>();
    storage_class->provisioner = "kubernetes.io/no-provisioner";
    storage_class->volume_binding_mode = "WaitForFirstConsumer";
    return storage_class;
  };
  return storage;
}

class VolumeClaimsTest : public testing::Test {
 protected:
  VolumeClaimsTest() : storage_(Storage(cluster_.MakeSnapshot())) {}
  std::string Refusal(const std::vector<std::string>& claims) {
    const auto classified = ClassifyClaims(PodOfClaims(claims), storage_);
    return classified ? "" : classified.error().message;
  }

  SchedulingFixture cluster_;
  const StorageView storage_;
};

TEST_F(VolumeClaimsTest, WhatIsWrongIsSaidBeforeWhatTakesTime) {
  const std::string waits = "pod has unbound immediate PersistentVolumeClaims";
  EXPECT_EQ(Refusal({"bound", "later"}), "");
  EXPECT_EQ(Refusal({"waiting", "bound"}), waits);
  EXPECT_EQ(Refusal({"waiting", "none"}), "persistentvolumeclaim \"none\" not found");
  EXPECT_EQ(Refusal({"waiting", "leaving"}), "persistentvolumeclaim \"leaving\" is being deleted");
}

TEST_F(VolumeClaimsTest, AClaimWithoutItsVolumeIsNotWaitedForOnEachNode) {
  EXPECT_EQ(Refusal({"lost"}),
            "persistentvolumeclaim \"lost\" bound to non-existent persistentvolume \"v\"");
}

TEST_F(VolumeClaimsTest, AnEphemeralVolumeIsNoClaimOfOthers) {
  core_v1::Pod pod;
  pod.metadata.namespace_ = "default";
  pod.metadata.name = "pod";
  pod.metadata.uid = "own";
  auto& volume = pod.spec.volumes.emplace_back();
  volume.ephemeral.Ensure();
  const auto refusal = [&](const std::string& name) {
    volume.name = name;
    const auto classified = ClassifyClaims(pod, storage_);
    return classified ? "" : classified.error().message;
  };
  EXPECT_EQ(refusal("own"), "pod has unbound immediate PersistentVolumeClaims");
  EXPECT_EQ(refusal("other"),
            "PVC default/pod-other was not created for pod default/pod (pod is not owner)");
  EXPECT_EQ(refusal("none"),
            "waiting for ephemeral volume controller to create the persistentvolumeclaim "
            "\"pod-none\"");
}

TEST_F(VolumeClaimsTest, TheClassIsNamedByTheOldAnnotationToo) {
  StorageView storage = storage_;
  storage.claim = [](const std::string&, const std::string&) -> ClaimPtr {
    auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
    claim->metadata.annotations["volume.beta.kubernetes.io/storage-class"] = "later";
    claim->spec.resources.requests["storage"] = Quantity::FromValue(1);
    return claim;
  };
  const auto classified = ClassifyClaims(PodOfClaims({"data"}), storage);
  ASSERT_TRUE(classified);
  EXPECT_EQ(classified->delayed.size(), 1u);
  EXPECT_FALSE(CheckClaims(*classified, core_v1::Node(), storage).fits());
}

// The label of a volume's zone means the driver's own label, on nodes that mount it by the driver.
TEST_F(VolumeClaimsTest, AVolumeOfAFormerPluginIsWhereItsDriversNodesAre) {
  core_v1::PersistentVolume volume;
  volume.metadata.labels["topology.kubernetes.io/zone"] = "a";
  volume.spec.aws_elastic_block_store.Ensure().volume_id = "vol-1";
  core_v1::Node here, there;
  here.metadata.labels["topology.ebs.csi.aws.com/zone"] = "a";
  there.metadata.labels["topology.ebs.csi.aws.com/zone"] = "b";
  storage_v1::CSINode csi_node;
  EXPECT_TRUE(*IsReachableBy(volume, there, nullptr));
  EXPECT_TRUE(*IsReachableBy(volume, there, &csi_node));
  csi_node.metadata.annotations["storage.alpha.kubernetes.io/migrated-plugins"] =
      "kubernetes.io/cinder,kubernetes.io/aws-ebs";
  EXPECT_TRUE(*IsReachableBy(volume, here, &csi_node));
  EXPECT_FALSE(*IsReachableBy(volume, there, &csi_node));
  volume.spec.aws_elastic_block_store->volume_id = "aws://a/none";
  EXPECT_EQ(IsReachableBy(volume, here, &csi_node).error().message,
            "could not translate pv: failed to translate Kubernetes ID to EBS Volume ID Invalid "
            "format for AWS volume (aws://a/none)");
}

TEST_F(VolumeClaimsTest, OnlyANodeThatMigratesOthersIsWorthALook) {
  storage_v1::CSINode none, some;
  some.metadata.annotations["storage.alpha.kubernetes.io/migrated-plugins"] =
      "kubernetes.io/cinder";
  EXPECT_TRUE(MigratesOthers(nullptr, none));
  EXPECT_TRUE(MigratesOthers(&none, some));
  EXPECT_FALSE(MigratesOthers(&some, some));
}

TEST_F(VolumeClaimsTest, ANodeSaysAllThatIsInTheWay) {
  const core_v1::Node node;
  const auto said = [&](const std::vector<std::string>& claims) {
    const auto classified = ClassifyClaims(PodOfClaims(claims), storage_);
    return CheckClaims(*classified, node, storage_).Reasons();
  };
  const std::string far = "node(s) didn't match PersistentVolume's node affinity";
  const std::string nothing = "node(s) didn't find available persistent volumes to bind";
  EXPECT_EQ(said({}), std::vector<std::string>{});
  EXPECT_EQ(said({"bound"}), std::vector<std::string>{far});
  EXPECT_EQ(said({"later"}), std::vector<std::string>{nothing});
  EXPECT_EQ(said({"later", "bound"}), (std::vector<std::string>{far, nothing}));
}

TEST_F(VolumeClaimsTest, SelectorsThatWereReadAreNotReadForEachNode) {
  StorageView storage = storage_;
  int asked = 0;
  storage.claim_selector = [&](const ClaimPtr&) {
    ++asked;
    return std::make_shared<const LabelSelector>(LabelSelector::FromMap({{"disk", "ssd"}}));
  };
  auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
  claim->spec.storage_class_name = "later";
  claim->spec.resources.requests["storage"] = Quantity::FromValue(1);
  claim->spec.selector.Ensure().match_expressions.emplace_back().operator_ = "Unread";
  const auto volume_of = [](const std::string& disk) {
    auto volume = std::make_shared<core_v1::PersistentVolume>();
    volume->metadata.name = disk;
    volume->metadata.labels["disk"] = disk;
    volume->spec.storage_class_name = "later";
    volume->spec.capacity["storage"] = Quantity::FromValue(1);
    volume->status.phase = "Available";
    return volume;
  };
  const auto plan =
      PlanClaims({claim}, {volume_of("hdd"), volume_of("ssd")}, core_v1::Node(), storage);
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan)[0].volume->metadata.name, "ssd");
  EXPECT_EQ(asked, 1);
}

TEST_F(VolumeClaimsTest, OfVolumesThatFitTheSmallestIsTaken) {
  const auto volume_of = [](const std::string& name, int64_t size,
                            const std::vector<std::string>& modes) {
    auto volume = std::make_shared<core_v1::PersistentVolume>();
    volume->metadata.name = name;
    volume->spec.storage_class_name = "later";
    volume->spec.access_modes = modes;
    volume->spec.capacity["storage"] = Quantity::FromValue(size);
    volume->status.phase = "Available";
    return volume;
  };
  auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
  claim->spec.storage_class_name = "later";
  claim->spec.access_modes = {"ReadWriteOnce"};
  claim->spec.resources.requests["storage"] = Quantity::FromValue(1);
  const auto plan = PlanClaims({claim},
                               {volume_of("large", 5, {"ReadWriteOnce"}),
                                volume_of("small", 2, {"ReadWriteOnce", "ReadOnlyMany"})},
                               core_v1::Node(), storage_);
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan)[0].volume->metadata.name, "small") << "however many modes it has";
}

// The provisioner may be at work: what it makes would be of no use to anybody.
TEST_F(VolumeClaimsTest, WhatAProvisionerWasAskedForIsNotTakenFromWhatIsThere) {
  StorageView storage = storage_;
  storage.storage_class = [](const std::string&) {
    auto storage_class = std::make_shared<storage_v1::StorageClass>();
    storage_class->provisioner = "disks.example.com";
    storage_class->volume_binding_mode = "WaitForFirstConsumer";
    return storage_class;
  };
  storage.csi_driver = [](const std::string&) { return nullptr; };
  auto volume = std::make_shared<core_v1::PersistentVolume>();
  volume->metadata.name = "there";
  volume->spec.storage_class_name = "later";
  volume->spec.capacity["storage"] = Quantity::FromValue(1);
  volume->status.phase = "Available";
  core_v1::PersistentVolumeClaim claim;
  claim.spec.storage_class_name = "later";
  claim.spec.resources.requests["storage"] = Quantity::FromValue(1);
  core_v1::Node node;
  node.metadata.name = "n1";
  const auto plan_for = [&] {
    return PlanClaims({std::make_shared<const core_v1::PersistentVolumeClaim>(claim)}, {volume},
                      node, storage);
  };
  auto plan = plan_for();
  ASSERT_TRUE(plan);
  ASSERT_TRUE((*plan)[0].volume);
  claim.metadata.annotations[std::string(kSelectedNodeAnnotation)] = "n1";
  plan = plan_for();
  ASSERT_TRUE(plan);
  EXPECT_FALSE((*plan)[0].volume);
  claim.metadata.annotations[std::string(kSelectedNodeAnnotation)] = "n2";
  EXPECT_FALSE(plan_for());
}

// A pod may name thousands, and each pod beside it, too.
TEST_F(VolumeClaimsTest, AllClaimsOfOnePodAreLookedForAtOnce) {
  std::vector<std::string> wanted, others;
  for (int i = 0; i < 5'000; ++i) wanted.push_back("wanted-" + std::to_string(i));
  for (int i = 0; i < 500; ++i) others.push_back("other-" + std::to_string(i));
  const auto with = [](const std::vector<std::string>& claims) {
    return [&claims](core_v1::Pod& pod) { pod.spec.volumes = PodOfClaims(claims).spec.volumes; };
  };
  cluster_.AddNode("a", "1000");
  for (int i = 0; i < 500; ++i)
    cluster_.Place(PodOf("p" + std::to_string(i), 0, "1", with(others)), "a");
  Snapshot snapshot = cluster_.MakeSnapshot();
  snapshot.storage.claim = [](const std::string&, const std::string&) -> ClaimPtr {
    auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
    claim->spec.access_modes = {"ReadWriteOncePod"};
    return claim;
  };
  const auto pod = PodOf("pod", 0, "1", with(wanted));
  EXPECT_FALSE(PrepareVolumeRestrictions(*pod, snapshot).filter);
  wanted.push_back(others.back());
  const auto kept_out = PodOf("pod", 0, "1", with(wanted));
  EXPECT_TRUE(PrepareVolumeRestrictions(*kept_out, snapshot).filter);
}

}  // namespace
}  // namespace skiff::scheduler
