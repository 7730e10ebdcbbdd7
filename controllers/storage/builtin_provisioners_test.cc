#include "controllers/storage/builtin_provisioners.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(ProvisionerNowTest, IsADriverOrNobody) {
  EXPECT_EQ(ProvisionerNow("example.com/x"), "example.com/x");
  EXPECT_EQ(ProvisionerNow("kubernetes.io/aws-ebs"), "ebs.csi.aws.com");
  EXPECT_EQ(ProvisionerNow("kubernetes.io/host-path"), "kubernetes.io/host-path");
  EXPECT_EQ(ProvisionerNow("kubernetes.io/glusterfs"), std::nullopt);
  EXPECT_EQ(ProvisionerNow("kubernetes.io/no-provisioner"), std::nullopt);
}

TEST(WhyNoDirectoryTest, ADirectoryIsNoDeviceAndNoCopy) {
  core_v1::PersistentVolumeClaim claim;
  EXPECT_EQ(WhyNoDirectory(claim, "p", "c"), "");
  claim.spec.volume_mode = "Block";
  EXPECT_EQ(WhyNoDirectory(claim, "p", "c"),
            "Failed to provision volume with StorageClass \"c\": p does not support block volume "
            "provisioning");
  claim.spec.volume_attributes_class_name = "fast";
  EXPECT_EQ(WhyNoDirectory(claim, "p", "c"),
            "Failed to provision volume with StorageClass \"c\": p does not support volume "
            "attributes classes");
  claim.spec.data_source.Ensure().kind = "PersistentVolumeClaim";
  EXPECT_EQ(WhyNoDirectory(claim, "p", "c"),
            "plugin \"p\" is not a CSI plugin. Only CSI plugin can provision a claim with a "
            "datasource");
}

TEST(WhyNotDeletedTest, AVolumeOfADriverIsItsDriversToDelete) {
  core_v1::PersistentVolume volume;
  volume.metadata.name = "v";
  volume.spec.csi.Ensure().driver = "x";
  EXPECT_EQ(WhyNotDeleted(volume), "");
  volume.spec.csi.reset();
  volume.spec.nfs.Ensure().server = "s";
  EXPECT_EQ(WhyNotDeleted(volume),
            "error getting deleter volume plugin for volume \"v\": no deletable volume plugin "
            "matched");
  volume.metadata.annotations["pv.kubernetes.io/provisioned-by"] = "example.com/x";
  EXPECT_EQ(WhyNotDeleted(volume), "");
  volume.metadata.annotations["pv.kubernetes.io/provisioned-by"] = "kubernetes.io/glusterfs";
  EXPECT_EQ(WhyNotDeleted(volume), "no volume plugin matched name: kubernetes.io/glusterfs");
}

TEST(WhyNotDeletedTest, AVolumeThatWasHandedOnIsItsNewDriversToDelete) {
  core_v1::PersistentVolume volume;
  volume.metadata.annotations["pv.kubernetes.io/provisioned-by"] = "kubernetes.io/aws-ebs";
  volume.metadata.annotations["pv.kubernetes.io/migrated-to"] = "ebs.csi.aws.com";
  EXPECT_EQ(WhyNotDeleted(volume), "");
}

TEST(SaysWhoFollowsTest, WhoFollowsIsSaidOfProvisionersThatAreNoMore) {
  std::map<std::string, std::string> annotations;
  EXPECT_TRUE(SaysWhoFollows(annotations, "example.com/x"));
  EXPECT_FALSE(SaysWhoFollows(annotations, "kubernetes.io/aws-ebs"));
  SayWhoFollows(annotations, "kubernetes.io/aws-ebs");
  EXPECT_EQ(annotations.at("pv.kubernetes.io/migrated-to"), "ebs.csi.aws.com");
  EXPECT_TRUE(SaysWhoFollows(annotations, "kubernetes.io/aws-ebs"));
  EXPECT_FALSE(SaysWhoFollows(annotations, "kubernetes.io/cinder"));
  EXPECT_FALSE(SaysWhoFollows(annotations, "example.com/x"));
  SayWhoFollows(annotations, "example.com/x");
  EXPECT_TRUE(annotations.empty());
}

TEST(WhyNotDeletedTest, ADirectoryThatSomebodyNamedIsNotDeleted) {
  core_v1::PersistentVolume volume;
  volume.spec.host_path.Ensure().path = "/x";
  EXPECT_EQ(WhyNotDeleted(volume),
            "host_path deleter only supports /tmp/.+ but received provided /x");
  volume.spec.host_path.reset();
  volume.spec.local.Ensure().path = "/x";
  EXPECT_TRUE(WhyNotDeleted(volume).ends_with(": no volume plugin matched"));
}

}  // namespace
}  // namespace skiff
