#include "api/pods/migrated_volumes.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;

// The volume as its driver knows it, without what was not there before and is the same for all;
// or why that cannot be said.
std::string Said(const Result<PersistentVolume>& volume) {
  if (!volume) return volume.error().message;
  return ToJson(*volume).at("spec").dump();
}

PersistentVolume VolumeOf(const char* spec, const char* metadata = R"({"name": "pv"})") {
  PersistentVolume volume;
  volume.metadata = FromJson<meta_v1::ObjectMeta>(Json::parse(metadata)).value();
  volume.spec = FromJson<core_v1::PersistentVolumeSpec>(Json::parse(spec)).value();
  return volume;
}

core_v1::CSIPersistentVolumeSource SourceOf(const PersistentVolume& volume) {
  const auto translated = AsCsi(volume);
  if (!translated) return {};
  return *translated->spec.csi;
}

std::string HandleOf(const char* spec, const char* metadata = R"({"name": "pv"})") {
  const auto translated = AsCsi(VolumeOf(spec, metadata));
  return translated ? translated->spec.csi->volume_handle : translated.error().message;
}

PersistentVolume OfPod(const char* source) {
  const auto volume = FromJson<core_v1::Volume>(Json::parse(source)).value();
  return AsCsi(volume, "shop").value_or(PersistentVolume());
}

TEST(MigratedVolumesTest, EachPluginHasADriverInItsPlace) {
  EXPECT_EQ(MigratedPlugins().size(), 7u);
  EXPECT_EQ(DriverInPlaceOf("kubernetes.io/aws-ebs"), "ebs.csi.aws.com");
  EXPECT_EQ(DriverInPlaceOf("kubernetes.io/host-path"), "");
  EXPECT_EQ(DriverInPlaceOf("kubernetes.io/nfs"), "");
  EXPECT_EQ(DriverInPlaceOf("ebs.csi.aws.com"), "");
  EXPECT_EQ(MigratedPluginOf(VolumeOf(R"({"cinder": {"volumeID": "1"}})")), "kubernetes.io/cinder");
  EXPECT_EQ(MigratedPluginOf(VolumeOf(R"({"nfs": {"server": "s", "path": "/"}})")), "");
}

TEST(MigratedVolumesTest, OthersStayWhatTheyAre) {
  const auto nfs = VolumeOf(R"({"nfs": {"server": "s", "path": "/"}})");
  EXPECT_EQ(*AsCsi(nfs), nfs);
  core_v1::Volume scratch;
  scratch.name = "scratch";
  EXPECT_EQ(AsCsi(scratch, "shop").error().message,
            "could not find in-tree plugin translation logic for \"scratch\"");
}

TEST(MigratedVolumesTest, AnEbsVolumeIsKnownByTheEndOfItsPath) {
  EXPECT_EQ(HandleOf(R"({"awsElasticBlockStore": {"volumeID": "vol-1"}})"), "vol-1");
  EXPECT_EQ(HandleOf(R"({"awsElasticBlockStore": {"volumeID": "aws:///vol-1"}})"), "vol-1");
  EXPECT_EQ(HandleOf(R"({"awsElasticBlockStore": {"volumeID": "aws://zone/vol-1/"}})"), "vol-1");
  EXPECT_EQ(HandleOf(R"({"awsElasticBlockStore": {"volumeID": "aws://zone/disk"}})"),
            "failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume "
            "(aws://zone/disk)");
  EXPECT_EQ(HandleOf(R"({"awsElasticBlockStore": {"volumeID": "aws://zone/vol-1/vol-2"}})"),
            "failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume "
            "(aws://zone/vol-1/vol-2)");
  const auto csi = SourceOf(VolumeOf(R"({"awsElasticBlockStore": {
      "volumeID": "vol-1", "fsType": "xfs", "partition": 2, "readOnly": true}})"));
  EXPECT_EQ(csi.driver, "ebs.csi.aws.com");
  EXPECT_EQ(csi.fs_type, "xfs");
  EXPECT_TRUE(csi.read_only);
  EXPECT_EQ(csi.volume_attributes.at("partition"), "2");
}

TEST(MigratedVolumesTest, AGceDiskIsOfAZoneOrOfTheRegionOfItsZones) {
  constexpr char kDisk[] = R"({"gcePersistentDisk": {"pdName": "d"}})";
  EXPECT_EQ(HandleOf(kDisk), "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d");
  EXPECT_EQ(HandleOf(kDisk, R"({"labels": {"topology.kubernetes.io/zone": "us-east1-a"}})"),
            "projects/UNSPECIFIED/zones/us-east1-a/disks/d");
  EXPECT_EQ(
      HandleOf(kDisk, R"({"labels": {"topology.kubernetes.io/zone": "us-east1-a__us-east1-b"}})"),
      "projects/UNSPECIFIED/regions/us-east1/disks/d");
  EXPECT_EQ(
      HandleOf(kDisk, R"({"labels": {"topology.kubernetes.io/zone": "us-east1-a__us-west1-b"}})"),
      "failed to get region from zones: multiple or no regions gotten from zones, got: "
      "map[us-east1:{} us-west1:{}]");
  EXPECT_EQ(HandleOf(kDisk, R"({"labels": {"topology.kubernetes.io/zone": "here__there"}})"),
            "failed to get region from zones: zone in unexpected format, expected: "
            "{locale}-{region}-{zone}, got: here");
}

TEST(MigratedVolumesTest, AGceDiskHasOneWriterWhateverWasSaid) {
  const auto modes = [](const char* spec) { return AsCsi(VolumeOf(spec))->spec.access_modes; };
  using Modes = std::vector<std::string>;
  EXPECT_EQ(modes(R"({"gcePersistentDisk": {"pdName": "d"},
                      "accessModes": ["ReadWriteMany", "ReadOnlyMany"]})"),
            Modes{"ReadWriteOnce"});
  EXPECT_EQ(modes(R"({"gcePersistentDisk": {"pdName": "d"}, "accessModes": ["ReadOnlyMany"]})"),
            Modes{"ReadOnlyMany"});
  EXPECT_EQ(modes(R"({"gcePersistentDisk": {"pdName": "d"}})"), Modes{});
}

TEST(MigratedVolumesTest, AnAzureDiskIsAManagedOne) {
  const auto csi = SourceOf(VolumeOf(R"({"azureDisk": {"diskName": "d", "diskURI": "/disks/d",
      "kind": "managed", "cachingMode": "ReadOnly", "fsType": "ext4", "readOnly": true}})"));
  EXPECT_EQ(csi.volume_handle, "/disks/d");
  const std::map<std::string, std::string> attributes = {
      {"kind", "Managed"}, {"cachingmode", "ReadOnly"}, {"fstype", "ext4"}};
  EXPECT_EQ(csi.volume_attributes, attributes);
  EXPECT_TRUE(csi.read_only);
  EXPECT_EQ(HandleOf(R"({"azureDisk": {"diskName": "d", "diskURI": "u", "kind": "Shared"}})"),
            "kind(Shared) is not supported in csi migration");
}

TEST(MigratedVolumesTest, AnAzureShareIsKnownByItsAccountAndItsSecret) {
  constexpr char kShare[] = R"({"azureFile": {"shareName": "s", "secretNamespace": "vault",
                                "secretName": "azure-storage-account-acme-secret"}})";
  EXPECT_EQ(HandleOf(kShare), "#acme#s#pv#vault");
  EXPECT_EQ(HandleOf(kShare, R"({"name": "pv",
                "annotations": {"kubernetes.io/azure-file-resource-group": "rg"}})"),
            "rg#acme#s#pv#vault");
  constexpr char kOfClaim[] = R"({"azureFile": {"shareName": "s", "secretName": "keys"},
                                  "claimRef": {"namespace": "shop"}})";
  EXPECT_EQ(HandleOf(kOfClaim), "#keys#s#pv#shop");
  const auto csi = SourceOf(VolumeOf(kOfClaim));
  EXPECT_EQ(csi.node_stage_secret_ref->name, "keys");
  EXPECT_EQ(csi.node_stage_secret_ref->namespace_, "shop");
  EXPECT_EQ(HandleOf(R"({"azureFile": {"shareName": "s", "secretName": "keys"}})"),
            "could not find a secret namespace in PersistentVolumeSource or ClaimRef");
}

TEST(MigratedVolumesTest, APortworxVolumeNamesItsSecretByAnnotations) {
  constexpr char kVolume[] = R"({"portworxVolume": {"volumeID": "1", "fsType": "ext4"}})";
  EXPECT_FALSE(SourceOf(VolumeOf(kVolume)).node_stage_secret_ref);
  const auto csi = SourceOf(VolumeOf(kVolume, R"({"annotations": {
      "openstorage.io/auth-secret-name": "keys", "openstorage.io/auth-secret-namespace": "px"}})"));
  EXPECT_EQ(csi.controller_publish_secret_ref->name, "keys");
  EXPECT_EQ(csi.node_expand_secret_ref->namespace_, "px");
}

TEST(MigratedVolumesTest, APodsOwnVolumeIsNamedAfterItsDisk) {
  const auto ebs = OfPod(R"({"name": "v", "awsElasticBlockStore": {"volumeID": "vol-1"}})");
  EXPECT_EQ(ebs.metadata.name, "ebs.csi.aws.com-vol-1");
  EXPECT_EQ(ebs.spec.volume_mode, "Filesystem");
  EXPECT_EQ(ebs.spec.access_modes, std::vector<std::string>{"ReadWriteOnce"});
  const auto gce =
      OfPod(R"({"name": "v", "gcePersistentDisk": {"pdName": "d", "readOnly": true}})");
  EXPECT_EQ(gce.metadata.name, "pd.csi.storage.gke.io-d");
  EXPECT_EQ(gce.spec.access_modes, std::vector<std::string>{"ReadOnlyMany"});
  EXPECT_EQ(OfPod(R"({"name": "v", "azureDisk": {"diskName": "d", "diskURI": "u"}})").metadata.name,
            "u");
  const auto share =
      OfPod(R"({"name": "v", "azureFile": {"shareName": "s", "secretName": "keys"}})");
  EXPECT_EQ(share.metadata.name, "#keys#s#v#shop");
  EXPECT_EQ(share.spec.access_modes, std::vector<std::string>{"ReadWriteMany"});
  const auto vsphere = OfPod(R"({"name": "v", "vsphereVolume": {
      "volumePath": "[ds] d.vmdk", "storagePolicyName": "gold"}})");
  EXPECT_EQ(vsphere.metadata.name, "csi.vsphere.vmware.com-[ds] d.vmdk");
  EXPECT_EQ(vsphere.spec.csi->volume_attributes.at("storagepolicyname"), "gold");
}

// What the translated volume says of where it can be reached: "key=value,value" of each expression.
std::string Places(const char* spec, const char* labels) {
  const auto volume = AsCsi(VolumeOf(spec, labels)).value();
  if (!volume.spec.node_affinity) return "";
  std::string text;
  for (const auto& term : volume.spec.node_affinity->required->node_selector_terms) {
    text += "|";
    for (const auto& expression : term.match_expressions) {
      text += " " + expression.key + "=";
      for (const auto& value : expression.values) text += value + ",";
    }
  }
  return text;
}

TEST(MigratedVolumesTest, ZonesAreSaidAsTheDriversNodesSayThem) {
  constexpr char kPlain[] = R"({"awsElasticBlockStore": {"volumeID": "vol-1"}})";
  EXPECT_EQ(Places(kPlain, "{}"), "");
  EXPECT_EQ(Places(kPlain, R"({"labels": {"topology.kubernetes.io/zone": "b__ a__"}})"),
            "| topology.ebs.csi.aws.com/zone=a,b,");
  EXPECT_EQ(Places(kPlain, R"({"labels": {"topology.kubernetes.io/zone": ""}})"), "");
  EXPECT_EQ(Places(kPlain, R"({"labels": {"failure-domain.beta.kubernetes.io/zone": "a"}})"),
            "| topology.ebs.csi.aws.com/zone=a,");
  constexpr char kTwoTerms[] = R"({"gcePersistentDisk": {"pdName": "d"}, "nodeAffinity": {
      "required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In",
                               "values": ["a"]}]},
        {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}}})";
  EXPECT_EQ(Places(kTwoTerms, R"({"labels": {"topology.kubernetes.io/zone": "c"}})"),
            "| topology.gke.io/zone=a,| disk=ssd,")
      << "what the affinity says of zones goes before what labels say";
}

TEST(MigratedVolumesTest, TheOldNameOfRegionsIsOneThatNoNodeHas) {
  constexpr char kOld[] = R"({"cinder": {"volumeID": "1"}, "nodeAffinity": {
      "required": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "failure-domain.beta.kubernetes.io/zone", "operator": "In", "values": ["a"]},
        {"key": "failure-domain.beta.kubernetes.io/region", "operator": "In",
         "values": ["r"]}]}]}}})";
  EXPECT_EQ(Places(kOld, "{}"),
            "| topology.cinder.csi.openstack.org/zone=a, topology.kubernetes.io/region=r,");
}

TEST(MigratedVolumesTest, VsphereKnowsRegionsToo) {
  constexpr char kPlain[] = R"({"vsphereVolume": {"volumePath": "p"}})";
  EXPECT_EQ(Places(kPlain, R"({"labels": {"topology.kubernetes.io/zone": "a__b",
                                          "topology.kubernetes.io/region": "r"}})"),
            "| topology.csi.vmware.com/zone=a__b, topology.csi.vmware.com/region=r,");
}

TEST(MigratedVolumesTest, NothingElseOfTheVolumeChanges) {
  EXPECT_EQ(Said(AsCsi(VolumeOf(R"({"cinder": {"volumeID": "1", "readOnly": true},
                 "capacity": {"storage": "1Gi"}, "persistentVolumeReclaimPolicy": "Retain"})"))),
            R"({"capacity":{"storage":"1Gi"},"csi":{"driver":"cinder.csi.openstack.org",)"
            R"("readOnly":true,"volumeHandle":"1"},"persistentVolumeReclaimPolicy":"Retain"})");
}

}  // namespace
}  // namespace skiff
