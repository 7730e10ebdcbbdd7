// A claim that asks for more, and nodes that are told how long they may keep what they read: on the
// real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Event;
using core_v1::PersistentVolumeClaim;

class VolumeExpansionTest : public ControllersTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, VolumeExpansionTest, kOrders);

TEST_P(VolumeExpansionTest, AClaimThatAsksForMoreHearsForWhomItWaits) {
  cluster_.Apply("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: disks}\n"
                 "provisioner: disk.example.com\nallowVolumeExpansion: true\n");
  cluster_.Apply("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv}\nspec: {capacity: "
                 "{storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: disks, csi: "
                 "{driver: disk.example.com, volumeHandle: d1}}\n");
  cluster_.Apply("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: "
                 "{accessModes: [ReadWriteOnce], storageClassName: disks, volumeName: pv, "
                 "resources: {requests: {storage: 1Gi}}}\n");
  cluster_.RunFor(1min);
  const auto told = [&] {
    int count = 0;
    for (const auto& event : cluster_.List<Event>()) {
      if (event.reason != "ExternalExpanding") continue;
      EXPECT_EQ(event.message, "waiting for an external controller to expand this PVC");
      EXPECT_EQ(event.source.component, "volume_expand");
      count += event.count;
    }
    return count;
  };
  EXPECT_EQ(told(), 0);
  cluster_.Edit<PersistentVolumeClaim>({"default", "data"}, [](auto& it) {
    it.spec.resources.requests["storage"] = *Quantity::Parse("2Gi");
  });
  cluster_.RunFor(1min);
  EXPECT_EQ(told(), 1);
  cluster_.Edit<PersistentVolumeClaim>({"default", "data"},
                                       [](auto& it) { it.metadata.labels["a"] = "b"; });
  cluster_.RunFor(1min);
  EXPECT_EQ(told(), 1);
}

TEST_P(VolumeExpansionTest, ANodeIsToldAgainWhatItMayKeep) {
  constexpr const char* kTtl = "node.alpha.kubernetes.io/ttl";
  cluster_.RunFor(5s);
  EXPECT_EQ(cluster_.Get<core_v1::Node>({"", "node1"})->metadata.annotations.at(kTtl), "0");
  cluster_.Edit<core_v1::Node>({"", "node1"},
                               [&](auto& it) { it.metadata.annotations[kTtl] = "7"; });
  cluster_.RunFor(5s);
  EXPECT_EQ(cluster_.Get<core_v1::Node>({"", "node1"})->metadata.annotations.at(kTtl), "0");
}

}  // namespace
}  // namespace skiff
