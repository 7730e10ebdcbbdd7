#include "kubelet/volumes/local_volume_reclaimer.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/pods/local_volumes.h"
#include "client/scoped_informer.h"
#include "client/transport.h"
#include "kubelet/volumes/temporary_tree.h"

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

class LocalVolumeReclaimerTest : public testing::Test {
 protected:
  LocalVolumeReclaimerTest() {
    volume_.metadata.uid = "1";
    volume_.metadata.resource_version = "1";
    volume_.spec.host_path->path = tree_.MakeDirectory("pvc-17_default_data");
    live_ = volume_;
  }
  // The cache shows the volume as it was made, the server as it is by now.
  void Step() {
    assigned_.informer().cache().Apply(
        {.type = WatchEvent::Type::kAdded, .object = RawJson(ToJson(volume_))});
    reclaimer_.Step();
  }

  TemporaryTree tree_;
  PersistentVolume volume_ = Reclaimable();
  PersistentVolume live_;
  bool is_deleted_ = false;
  std::string patched_;
  FakeClock clock_{TimePoint(std::chrono::seconds(1'800'000'000))};
  SeededRandom random_{1};
  InProcessTransport transport_{[this](const http::Request& request) {
    is_deleted_ |= request.method == "DELETE";
    if (request.method == "PATCH") patched_ = request.path;
    return http::Response{.status = 200, .body = ToJson(live_).dump()};
  }};
  Client client_{transport_, "test"};
  EventSink sink_{client_, clock_};
  EventRecorder events_{sink_, clock_, "kubelet", "node-a"};
  ScopedInformer<PersistentVolume> assigned_{{client_, clock_, random_}, {}};
  LocalVolumeReclaimer reclaimer_{{assigned_.informer(), client_, events_}, "node-a"};
};

TEST_F(LocalVolumeReclaimerTest, WhatItIsToldToRemoveGoesAndThenTheVolume) {
  Step();
  EXPECT_FALSE(tree_.Exists("pvc-17_default_data"));
  EXPECT_TRUE(is_deleted_);
}

TEST_F(LocalVolumeReclaimerTest, OneThatWasDeletedBeforeItsClaimIsLetGoOnceItsDirectoryIsGone) {
  volume_.metadata.deletion_timestamp = Time(clock_.Now());
  live_ = volume_;
  Step();
  EXPECT_TRUE(tree_.Exists("pvc-17_default_data")) << "nobody waits for it";
  volume_.metadata.finalizers.emplace_back(kLocalVolumeFinalizer);
  volume_.metadata.resource_version = "2";
  live_ = volume_;
  Step();
  EXPECT_FALSE(tree_.Exists("pvc-17_default_data"));
  EXPECT_EQ(patched_, "/api/v1/persistentvolumes/pvc-17/status");
  EXPECT_FALSE(is_deleted_);
}

TEST_F(LocalVolumeReclaimerTest, WhatSomebodyHasJustSaidIsToBeKeptStays) {
  live_.spec.persistent_volume_reclaim_policy = "Retain";
  Step();
  EXPECT_TRUE(tree_.Exists("pvc-17_default_data"));
  EXPECT_FALSE(is_deleted_);
}

}  // namespace
}  // namespace skiff::kubelet
