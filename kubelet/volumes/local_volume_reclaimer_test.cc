#include "kubelet/volumes/local_volume_reclaimer.h"

#include <gtest/gtest.h>

#include "api/pods/local_volumes.h"

namespace skiff::kubelet {
namespace {

using core_v1::PersistentVolume;

PersistentVolume Reclaimable() {
  PersistentVolume volume;
  volume.metadata.name = "pvc-17";
  volume.metadata.labels[kReclaimedBy] = "node-a";
  volume.spec.persistent_volume_reclaim_policy = "Delete";
  volume.spec.host_path.Ensure().path = "/var/lib/skiff/local-path/pvc-17_default_data";
  auto& claim = volume.spec.claim_ref.Ensure();
  claim.namespace_ = "default";
  claim.name = "data";
  volume.status.phase = "Released";
  return volume;
}

TEST(DirectoryToReclaimTest, IsTheOneThatTheProvisionerMadeForTheClaim) {
  const auto directory = DirectoryToReclaim(Reclaimable(), "node-a");
  ASSERT_TRUE(directory) << directory.error().message;
  EXPECT_EQ(*directory, "/var/lib/skiff/local-path/pvc-17_default_data");
}

TEST(DirectoryToReclaimTest, IsNoneWhenTheVolumeIsAnyOther) {
  const auto refuses = [](auto change) {
    PersistentVolume volume = Reclaimable();
    change(volume);
    return !DirectoryToReclaim(volume, "node-a");
  };
  EXPECT_TRUE(refuses([](auto& it) { it.metadata.labels[kReclaimedBy] = "node-b"; }));
  EXPECT_TRUE(refuses([](auto& it) { it.metadata.labels.clear(); }));
  EXPECT_TRUE(refuses([](auto& it) { it.status.phase = "Bound"; }));
  EXPECT_TRUE(refuses([](auto& it) { it.spec.persistent_volume_reclaim_policy = "Retain"; }));
  EXPECT_TRUE(refuses([](auto& it) { it.spec.host_path.reset(); }));
  EXPECT_TRUE(refuses([](auto& it) { it.spec.claim_ref.reset(); }));
  for (const char* path : {"/etc", "/", "pvc-17_default_data", "/x/../pvc-17_default_data",
                           "/x/pvc-17_default_other", "/x/pvc-17_default_data/"}) {
    EXPECT_TRUE(refuses([&](auto& it) { it.spec.host_path->path = path; })) << path;
  }
}

}  // namespace
}  // namespace skiff::kubelet
