// Claims, their volumes and the local-path provisioner.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/gen/storage_v1.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using testing::IsEmpty;
using testing::SizeIs;

class VolumesTest : public ControllersTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, VolumesTest, kOrders);

storage_v1::StorageClass ClassOf(const std::string& name) {
  storage_v1::StorageClass storage_class;
  storage_class.metadata.name = name;
  storage_class.provisioner = "skiff.io/local-path";
  return storage_class;
}

PersistentVolumeClaim ClaimOf(const std::string& name, const std::string& storage_class) {
  PersistentVolumeClaim claim;
  claim.metadata.name = name;
  claim.metadata.namespace_ = "default";
  claim.spec.access_modes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *Quantity::Parse("1Gi");
  claim.spec.storage_class_name = storage_class;
  return claim;
}

TEST_P(VolumesTest, AClaimGetsAVolumeAndGivesItBack) {
  cluster_.Apply(ClassOf("csi-afs-sc")).Apply(ClaimOf("csi-pvc", "csi-afs-sc")).RunFor(1min);
  const auto claim = cluster_.Get<PersistentVolumeClaim>({"default", "csi-pvc"});
  EXPECT_EQ(claim->status.phase, "Bound");
  EXPECT_EQ(claim->spec.volume_name, "pvc-" + claim->metadata.uid);
  const auto volumes = cluster_.List<PersistentVolume>();
  ASSERT_THAT(volumes, SizeIs(1));
  EXPECT_EQ(volumes[0].status.phase, "Bound");
  cluster_.Delete<PersistentVolumeClaim>({"default", "csi-pvc"}).RunFor(1min);
  EXPECT_EQ(cluster_.Get<PersistentVolumeClaim>({"default", "csi-pvc"}), nullptr);
  EXPECT_THAT(cluster_.List<PersistentVolume>(), IsEmpty());
}

TEST_P(VolumesTest, TheNodeOfALocalVolumeIsToldToRemoveItAndTakesItAlongWhenItGoes) {
  TestCluster::Options options = Options();
  options.controllers.nodes_remove_local_volumes = true;
  TestCluster cluster(options);
  AddNode(cluster);
  cluster.Apply(ClassOf("csi-afs-sc")).Apply(ClaimOf("csi-pvc", "csi-afs-sc")).RunFor(1min);
  cluster.Delete<PersistentVolumeClaim>({"default", "csi-pvc"}).RunFor(1min);
  const auto volumes = cluster.List<PersistentVolume>();
  ASSERT_THAT(volumes, SizeIs(1)) << "its data is still on the node";
  EXPECT_EQ(volumes[0].status.phase, "Released");
  const std::string node = volumes[0].metadata.labels.at("skiff.io/reclaimed-by");
  cluster.Delete<core_v1::Node>({"", node}).RunFor(1min);
  EXPECT_THAT(cluster.List<PersistentVolume>(), IsEmpty());
}

TEST_P(VolumesTest, AClaimInUseIsProtected) {
  cluster_.Apply(ClassOf("csi-afs-sc")).Apply(ClaimOf("csi-pvc", "csi-afs-sc"));
  Pod pod;
  pod.metadata.name = "my-csi-app";
  pod.metadata.namespace_ = "default";
  core_v1::PodTemplateSpec pod_template;
  FillTemplate(pod_template, "x", "busybox");
  pod.spec = pod_template.spec;
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = "data";
  volume.persistent_volume_claim.Ensure().claim_name = "csi-pvc";
  cluster_.Apply(pod).RunFor(1min);
  cluster_.Delete<PersistentVolumeClaim>({"default", "csi-pvc"}).RunFor(1min);
  ASSERT_NE(cluster_.Get<PersistentVolumeClaim>({"default", "csi-pvc"}), nullptr);
  cluster_.Delete<Pod>({"default", "my-csi-app"}).RunFor(1min);
  EXPECT_EQ(cluster_.Get<PersistentVolumeClaim>({"default", "csi-pvc"}), nullptr);
}

TEST_P(VolumesTest, AClaimThatWaitsForItsConsumerGetsNoVolumeBefore) {
  auto storage_class = ClassOf("late");
  storage_class.volume_binding_mode = "WaitForFirstConsumer";
  cluster_.Apply(storage_class).Apply(ClaimOf("c", "late")).RunFor(1min);
  EXPECT_EQ(cluster_.Get<PersistentVolumeClaim>({"default", "c"})->status.phase, "Pending");
  cluster_.Edit<PersistentVolumeClaim>({"default", "c"}, [](PersistentVolumeClaim& it) {
    it.metadata.annotations["volume.kubernetes.io/selected-node"] = "node1";
  });
  cluster_.RunFor(1min);
  EXPECT_EQ(cluster_.Get<PersistentVolumeClaim>({"default", "c"})->status.phase, "Bound");
}

constexpr char kPodWithVolume[] = R"(
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec:
  containers: [{name: main, image: "image:1"}]
  volumes:
  - name: data
    ephemeral:
      volumeClaimTemplate:
        metadata: {labels: {app: web}, annotations: {note: x}}
        spec:
          accessModes: [ReadWriteOnce]
          storageClassName: csi-afs-sc
          resources: {requests: {storage: 1Gi}}
)";

TEST_P(VolumesTest, AnEphemeralVolumeHasAClaimThatGoesWithItsPod) {
  cluster_.Apply(ClassOf("csi-afs-sc")).Apply(kPodWithVolume).RunFor(1min);
  const auto claim = cluster_.Get<PersistentVolumeClaim>({"default", "web-data"});
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->status.phase, "Bound");
  EXPECT_EQ(claim->metadata.labels.at("app"), "web");
  EXPECT_EQ(claim->metadata.annotations.at("note"), "x");
  ASSERT_THAT(claim->metadata.owner_references, SizeIs(1));
  EXPECT_EQ(claim->metadata.owner_references[0].kind, "Pod");
  EXPECT_EQ(claim->metadata.owner_references[0].name, "web");
  EXPECT_EQ(claim->metadata.owner_references[0].controller, true);
  cluster_.Delete<Pod>({"default", "web"}).RunFor(2min);
  EXPECT_THAT(cluster_.List<PersistentVolumeClaim>(), IsEmpty());
  EXPECT_THAT(cluster_.List<PersistentVolume>(), IsEmpty());
}

TEST_P(VolumesTest, AnEphemeralVolumeDoesNotTakeAClaimOfAnother) {
  cluster_.Apply(ClassOf("csi-afs-sc")).Apply(ClaimOf("web-data", "csi-afs-sc")).RunFor(1s);
  cluster_.Apply(kPodWithVolume).RunFor(1min);
  std::set<std::string> told;
  for (const auto& event : cluster_.List<core_v1::Event>("default")) {
    if (event.reason == "FailedBinding" && event.involved_object.kind == "Pod") {
      told.insert(event.message);
    }
  }
  EXPECT_THAT(told, testing::ElementsAre("ephemeral volume data: PVC default/web-data was not "
                                         "created for pod default/web (pod is not owner)"));
}

}  // namespace
}  // namespace skiff
