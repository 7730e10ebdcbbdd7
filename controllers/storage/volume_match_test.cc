#include "controllers/storage/volume_match.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using storage_v1::StorageClass;

PersistentVolumeClaim ClaimOf(const std::string& size) {
  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  claim.metadata.namespace_ = "ns";
  claim.metadata.uid = "u";
  claim.spec.access_modes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *Quantity::Parse(size);
  claim.spec.storage_class_name = "";
  return claim;
}

std::shared_ptr<PersistentVolume> VolumeOf(const std::string& name, const std::string& size) {
  auto volume = std::make_shared<PersistentVolume>();
  volume->metadata.name = name;
  volume->spec.capacity["storage"] = *Quantity::Parse(size);
  volume->spec.access_modes = {"ReadWriteOnce"};
  volume->status.phase = "Available";
  return volume;
}

std::string Found(const PersistentVolumeClaim& claim, std::vector<Ptr<PersistentVolume>> volumes,
                  bool prebound_only = false) {
  const auto volume = FindVolume(claim, volumes, prebound_only);
  return volume ? volume->metadata.name : "";
}

TEST(VolumeMatchTest, TheSmallestThatFitsIsTaken) {
  EXPECT_EQ(Found(ClaimOf("2Gi"),
                  {VolumeOf("big", "10Gi"), VolumeOf("fit", "3Gi"), VolumeOf("small", "1Gi")}),
            "fit");
}

TEST(VolumeMatchTest, AVolumeThatNamesTheClaimWins) {
  auto named = VolumeOf("named", "10Gi");
  named->spec.claim_ref.Ensure().name = "c";
  named->spec.claim_ref->namespace_ = "ns";
  EXPECT_EQ(Found(ClaimOf("2Gi"), {VolumeOf("fit", "2Gi"), named}), "named");
  EXPECT_EQ(Found(ClaimOf("2Gi"), {VolumeOf("fit", "2Gi"), named}, true), "named");
  EXPECT_EQ(Found(ClaimOf("2Gi"), {VolumeOf("fit", "2Gi")}, true), "");
  named->spec.volume_attributes_class_name = "fast";
  EXPECT_EQ(Found(ClaimOf("2Gi"), {named}), "");
  named->spec.volume_attributes_class_name.reset();
  named->spec.claim_ref->uid = "another";
  EXPECT_EQ(Found(ClaimOf("2Gi"), {named}), "");
}

TEST(VolumeMatchTest, ClassModePhaseAndSelectorMustFit) {
  auto other_class = VolumeOf("a", "5Gi");
  other_class->spec.storage_class_name = "fast";
  auto block = VolumeOf("b", "5Gi");
  block->spec.volume_mode = "Block";
  auto released = VolumeOf("c", "5Gi");
  released->status.phase = "Released";
  EXPECT_EQ(Found(ClaimOf("1Gi"), {other_class, block, released}), "");
  auto claim = ClaimOf("1Gi");
  claim.spec.selector.Ensure().match_labels["disk"] = "ssd";
  auto ssd = VolumeOf("ssd", "5Gi");
  ssd->metadata.labels["disk"] = "ssd";
  EXPECT_EQ(Found(claim, {VolumeOf("plain", "5Gi"), ssd}), "ssd");
}

TEST(VolumeMatchTest, WhyNotIsTheTextOfTheEvent) {
  EXPECT_EQ(WhyNot(*VolumeOf("v", "1Gi"), ClaimOf("2Gi")), "requested PV is too small");
  EXPECT_EQ(WhyNot(*VolumeOf("v", "2Gi"), ClaimOf("2Gi")), "");
  auto claim = ClaimOf("1Gi");
  claim.spec.access_modes = {"ReadWriteMany"};
  EXPECT_EQ(WhyNot(*VolumeOf("v", "1Gi"), claim), "incompatible accessMode");
}

TEST(DefaultClassTest, TheNewestMarkedOneCounts) {
  const auto class_of = [](const std::string& name, int created, bool is_default) {
    auto storage_class = std::make_shared<StorageClass>();
    storage_class->metadata.name = name;
    storage_class->metadata.creation_timestamp = TimePoint(std::chrono::seconds(created));
    if (is_default) {
      storage_class->metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true";
    }
    return storage_class;
  };
  EXPECT_EQ(DefaultClass({class_of("a", 1, true), class_of("b", 5, true), class_of("c", 9, false)})
                ->metadata.name,
            "b");
  EXPECT_EQ(DefaultClass({class_of("c", 9, false)}), nullptr);
}

TEST(LocalVolumeTest, IsNamedAfterTheClaimAndBoundToItsNode) {
  StorageClass storage_class;
  storage_class.metadata.name = "local";
  storage_class.provisioner = "skiff.io/local-path";
  const auto volume = LocalVolumeFor(ClaimOf("1Gi"), storage_class, "node1", "/data/volumes", true);
  EXPECT_EQ(volume.metadata.name, "pvc-u");
  EXPECT_EQ(volume.spec.host_path->path, "/data/volumes/pvc-u_ns_c");
  EXPECT_EQ(volume.spec.persistent_volume_reclaim_policy, "Delete");
  EXPECT_EQ(volume.spec.claim_ref->uid, "u");
  EXPECT_EQ(volume.spec.node_affinity->required->node_selector_terms[0].match_expressions[0].values,
            std::vector<std::string>{"node1"});
}

TEST(LocalVolumeTest, ItIsHeldFromTheStartWhereItsNodeIsToRemoveIt) {
  StorageClass storage_class;
  storage_class.metadata.name = "local";
  const auto finalizers = [&](const std::string& node, bool is_held = true) {
    return LocalVolumeFor(ClaimOf("1Gi"), storage_class, node, "/data", is_held)
        .metadata.finalizers;
  };
  EXPECT_EQ(finalizers("node1"), std::vector<std::string>{"skiff.io/local-volume"});
  EXPECT_TRUE(finalizers("node1", false).empty()) << "its node would never let it go";
  EXPECT_TRUE(finalizers("").empty()) << "it is on no node";
  storage_class.reclaim_policy = "Retain";
  EXPECT_TRUE(finalizers("node1").empty());
}

}  // namespace
}  // namespace skiff
