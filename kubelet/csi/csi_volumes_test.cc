#include "kubelet/csi/csi_volumes_fixture.h"

#include <filesystem>
#include <fstream>

namespace skiff::kubelet::csi {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST_F(CsiVolumesTest, AVolumeIsStagedOnceForTheNodeAndPublishedForEachPod) {
  Attach();
  const auto paths = manager_->SetUp(Claiming("a"));
  ASSERT_TRUE(paths) << paths.error().message;
  const std::string target = tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount";
  EXPECT_EQ(paths->at("data").path, target);
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  ASSERT_TRUE(manager_->SetUp(Claiming("b")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "publish v1"));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_THAT(volumes_->InUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  ASSERT_TRUE(manager_->TearDown("b"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "publish v1", "unpublish v1",
                                         "unpublish v1", "unstage v1"));
  EXPECT_THAT(volumes_->InUse(), ElementsAre());
  EXPECT_FALSE(std::filesystem::exists(StagingDirectory(tree_.root(), "fake.csi", "v1")));
}

TEST_F(CsiVolumesTest, WhatAnInterruptedWriteHasLeftKeepsNoPodFromGoing) {
  const std::string directory = tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv";
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/vol_data.json.new") << "{";
  const auto down = manager_->TearDown("a");
  EXPECT_TRUE(down) << down.error().message;
  EXPECT_FALSE(std::filesystem::exists(directory));
}

// Whose directory may hold any device that the pod has made there.
TEST_F(CsiVolumesTest, AContainerThatIsAddedLaterHasNoFilesAsADevice) {
  Attach();
  core_v1::Pod pod = Claiming("a");
  EXPECT_EQ(ProblemOf(pod, pod.spec.containers[0]), "");
  auto& added = pod.spec.ephemeral_containers.emplace_back();
  added.volume_devices.emplace_back().name = "data";
  core_v1::Container container;
  container.name = added.name = "debug";
  container.volume_devices = added.volume_devices;
  EXPECT_EQ(ProblemOf(pod, container),
            "cannot find volume \"data\" to pass into container \"debug\"");
  Restart();
  EXPECT_THAT(ErrorOf(pod).message, testing::HasSubstr("is specified in volumeDevices"));
}

TEST_F(CsiVolumesTest, AVolumeThatItsDriverRefusedToStageIsNotTakenBack) {
  Attach();
  driver_.staging_problem = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such size");
  EXPECT_EQ(ErrorOf(Claiming("a")).message,
            "MountVolume.MountDevice failed for volume \"pv\" : rpc error: code = InvalidArgument "
            "desc = no such size");
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1"));
  driver_.staging_problem = grpc::Status(grpc::StatusCode::ABORTED, "still at it");
  EXPECT_EQ(ErrorOf(Claiming("a")).message,
            "MountVolume.MountDevice failed for volume \"pv\" : rpc error: code = Aborted "
            "desc = still at it");
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "stage v1", "unstage v1"))
      << "it may have been staged meanwhile";
}

TEST_F(CsiVolumesTest, WhatAnEarlierKubeletHasPublishedIsTakenBackThoughItCannotBeStagedAnew) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  Restart();
  driver_.staging_problem = grpc::Status(grpc::StatusCode::INTERNAL, "out of order");
  EXPECT_FALSE(manager_->SetUp(Claiming("a")));
  EXPECT_FALSE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "stage v1", "stage v1"));
  driver_.calls.clear();
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("unpublish v1", "unstage v1"));
}

TEST_F(CsiVolumesTest, OfTwoPodsThatWaitForAVolumeThatOneMayHaveOneGetsIt) {
  volume_->spec.access_modes = {"ReadWriteOncePod"};
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kTimeout);
  const std::string refusal =
      "MountVolume.SetUp failed for volume \"pv\" : volume uses the ReadWriteOncePod access mode "
      "and is already in use by another pod";
  EXPECT_EQ(ErrorOf(Claiming("b")).message, refusal);
  Attach();
  EXPECT_EQ(ErrorOf(Claiming("b")).message, refusal);
  EXPECT_EQ(ErrorOf(Claiming("a")).message, "");
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_EQ(ErrorOf(Claiming("b")).message, "");
  Restart();
  EXPECT_EQ(ErrorOf(Claiming("a")).message, refusal);
  EXPECT_EQ(ErrorOf(Claiming("b")).message, "");
}

TEST_F(CsiVolumesTest, WhatCouldNotBeTakenBackIsStagedAnewForTheNextPod) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  driver_.unstaging_problem = grpc::Status(grpc::StatusCode::INTERNAL, "busy");
  EXPECT_TRUE(manager_->TearDown("a")) << "no pod waits for that";
  driver_.calls.clear();
  ASSERT_TRUE(manager_->SetUp(Claiming("b")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1"));
  driver_.unstaging_problem = grpc::Status::OK;
  driver_.calls.clear();
  EXPECT_EQ(Unstager(volumes_.get()).Step(), kNever);
  EXPECT_THAT(driver_.calls, ElementsAre()) << "the other pod uses it";
  EXPECT_TRUE(manager_->TearDown("b"));
  EXPECT_THAT(driver_.calls, ElementsAre("unpublish v1", "unstage v1"));
}

TEST_F(CsiVolumesTest, WhoCannotSeeWhetherOtherPodsHaveAVolumeLeavesItStaged) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  const std::string others = tree_.root() + "/pods/b/volumes";
  std::filesystem::create_directories(others);
  const std::string link = others + "/kubernetes.io~csi";
  std::filesystem::create_symlink(link, link);  // Nobody can read it.
  EXPECT_TRUE(manager_->TearDown("a")) << "no pod waits for that";
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "unpublish v1"));
  std::filesystem::remove(link);
  EXPECT_EQ(Unstager(volumes_.get()).Step(), kNever);
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "unpublish v1", "unstage v1"));
}

TEST_F(CsiVolumesTest, OneVolumeAtATimeIsUnstaged) {
  for (const std::string handle : {"v1", "v2", "v3"}) {
    const std::string staging = StagingDirectory(tree_.root(), "fake.csi", handle);
    std::filesystem::create_directories(staging + "/globalmount");
    ASSERT_TRUE(WriteVolumeData(staging, {.driver = "fake.csi", .handle = handle}));
  }
  Restart();
  driver_.unstaging_problem = grpc::Status(grpc::StatusCode::INTERNAL, "busy");
  Unstager unstager(volumes_.get());
  EXPECT_EQ(unstager.Step(), 0ns);
  EXPECT_THAT(driver_.calls, ElementsAre("unstage v1"));
  EXPECT_EQ(unstager.Step(), 0ns);
  EXPECT_EQ(unstager.Step(), Unstager::kFirstRetry);
  EXPECT_THAT(driver_.calls, ElementsAre("unstage v1", "unstage v2", "unstage v3"));
  driver_.unstaging_problem = grpc::Status::OK;
  EXPECT_EQ(unstager.Step(), 0ns);
  EXPECT_EQ(unstager.Step(), 0ns);
  EXPECT_EQ(unstager.Step(), kNever);
  EXPECT_EQ(driver_.calls.size(), 6u);
}

TEST_F(CsiVolumesTest, UnstagingIsTriedAgain) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  driver_.unstaging_problem = grpc::Status(grpc::StatusCode::INTERNAL, "busy");
  EXPECT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(volumes_->InUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  Unstager unstager(volumes_.get());
  EXPECT_EQ(unstager.Step(), Unstager::kFirstRetry);
  EXPECT_EQ(unstager.Step(), 2 * Unstager::kFirstRetry);
  driver_.calls.clear();
  driver_.unstaging_problem = grpc::Status::OK;
  Restart();
  EXPECT_THAT(volumes_->InUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  EXPECT_EQ(Unstager(volumes_.get()).Step(), kNever);
  EXPECT_THAT(driver_.calls, ElementsAre("unstage v1"));
  EXPECT_THAT(volumes_->InUse(), ElementsAre());
  EXPECT_FALSE(std::filesystem::exists(StagingDirectory(tree_.root(), "fake.csi", "v1")));
}

// Which mounts parts of /var/lib/kubelet, wherever that leads.
TEST_F(CsiVolumesTest, ADriverIsToldPathsThatItKnows) {
  known_root_ = tree_.root() + "-known";
  std::filesystem::create_directory_symlink(tree_.root(), known_root_);
  Restart();
  Attach();
  const auto paths = manager_->SetUp(Claiming("a"));
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_THAT(driver_.staged.staging_target_path(), StartsWith(known_root_ + "/plugins/"));
  EXPECT_THAT(driver_.published.staging_target_path(), StartsWith(known_root_ + "/plugins/"));
  EXPECT_THAT(driver_.published.target_path(), StartsWith(known_root_ + "/pods/a/"));
  EXPECT_THAT(paths->at("data").path, StartsWith(tree_.root() + "/pods/a/"));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_FALSE(std::filesystem::exists(paths->at("data").path));
  std::filesystem::remove(known_root_);
}

TEST_F(CsiVolumesTest, TheDriverIsToldAllOfTheVolumeAndItsPod) {
  Attach();
  core_v1::Pod pod = Claiming("a");
  pod.spec.volumes[0].persistent_volume_claim->read_only = true;
  ASSERT_TRUE(manager_->SetUp(pod));
  const std::string staging = StagingDirectory(tree_.root(), "fake.csi", "v1") + "/globalmount";
  EXPECT_EQ(driver_.staged.staging_target_path(), staging);
  EXPECT_EQ(driver_.staged.publish_context().at("device"), "sdb");
  EXPECT_EQ(driver_.staged.volume_capability().mount().mount_flags(0), "noatime");
  using Mode = ::csi::v1::VolumeCapability::AccessMode;
  EXPECT_EQ(driver_.staged.volume_capability().access_mode().mode(),
            Mode::SINGLE_NODE_MULTI_WRITER);
  EXPECT_EQ(driver_.staged.volume_context().count("csi.storage.k8s.io/pod.name"), 0u);
  EXPECT_EQ(driver_.published.staging_target_path(), staging);
  EXPECT_TRUE(driver_.published.readonly());
  EXPECT_EQ(driver_.published.volume_context().at("size"), "small");
  EXPECT_EQ(driver_.published.volume_context().at("csi.storage.k8s.io/pod.name"), "a");
  EXPECT_EQ(driver_.published.volume_context().at("csi.storage.k8s.io/ephemeral"), "false");
}

TEST_F(CsiVolumesTest, AVolumeOfAFormerPluginIsMountedByTheDriverInItsPlace) {
  object_->spec.attach_required = false;
  drivers_.Put({"cinder.csi.openstack.org", tree_.root() + "/csi.sock", "id-of-n1", {}, 0});
  volume_->spec.csi.reset();
  volume_->spec.cinder.emplace().volume_id = "disk";
  const auto paths = manager_->SetUp(Claiming("a"));
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("data").path, tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount");
  EXPECT_THAT(driver_.calls, ElementsAre("stage disk", "publish disk"));
  ASSERT_EQ(manager_->MeasuredPlaces(Claiming("a")).size(), 1u);
  EXPECT_EQ(manager_->MeasuredPlaces(Claiming("a"))[0].driver, "cinder.csi.openstack.org");
}

TEST_F(CsiVolumesTest, SoIsOneThatAPodNamesWithoutAClaim) {
  object_->spec.attach_required = false;
  core_v1::Pod pod = PodOf("a");
  auto& disk = pod.spec.volumes[0].azure_disk.emplace();
  disk.disk_uri = "/disks/d";
  EXPECT_EQ(ErrorOf(pod).message,
            "MountVolume.MountDevice failed for volume \"/disks/d\" : kubernetes.io/csi: "
            "attacher.MountDevice failed to create newCsiDriverClient: driver name "
            "disk.csi.azure.com not found in the list of registered CSI drivers");
  drivers_.Put({"disk.csi.azure.com", tree_.root() + "/csi.sock", "id-of-n1", {}, 0});
  const auto paths = manager_->SetUp(pod);
  ASSERT_TRUE(paths) << paths.error().message;
  const std::string path = tree_.root() + "/pods/a/volumes/kubernetes.io~csi/~disks~d/mount";
  EXPECT_EQ(paths->at("data").path, path);
  EXPECT_EQ(driver_.published.volume_context().at("csi.storage.k8s.io/ephemeral"), "false");
  ASSERT_EQ(manager_->MeasuredPlaces(pod).size(), 1u);
  EXPECT_EQ(manager_->MeasuredPlaces(pod)[0].path, path);
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage /disks/d", "publish /disks/d", "unpublish /disks/d",
                                         "unstage /disks/d"));
}

TEST_F(CsiVolumesTest, NoNameOfADiskLeadsOutOfThePodsDirectory) {
  core_v1::Pod pod = PodOf("a");
  auto& disk = pod.spec.volumes[0].azure_disk.emplace();
  disk.disk_uri = "..";
  EXPECT_THAT(ErrorOf(pod).message, testing::HasSubstr("invalid volume name \"..\""));
  disk.kind = "Shared";
  EXPECT_THAT(ErrorOf(pod).message,
              testing::HasSubstr("failed to process volumes=[data]: failed to translate in-tree "
                                 "pv to CSI: kind(Shared) is not supported in csi migration"));
}

TEST_F(CsiVolumesTest, NothingHasFailedWhileAVolumeIsNotAttached) {
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kTimeout);
  EXPECT_THAT(volumes_->InUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"))
      << "nobody takes it away from the node by now";
  EXPECT_THAT(driver_.calls, ElementsAre());
  Attach();
  EXPECT_TRUE(manager_->SetUp(Claiming("a")));
}

TEST_F(CsiVolumesTest, NothingIsUsedBeforeTheNodesStatusTellsOfIt) {
  Attach();
  reports_ = false;
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kTimeout);
  EXPECT_THAT(driver_.calls, ElementsAre());
  volumes_->Reported({"kubernetes.io/csi/fake.csi^other"});
  EXPECT_THAT(woken_, ElementsAre());
  volumes_->Reported(volumes_->InUse());
  EXPECT_THAT(woken_, ElementsAre("a"));
  EXPECT_TRUE(manager_->SetUp(Claiming("a")));
}

TEST_F(CsiVolumesTest, AVolumeOfADriverWithoutAttachersIsNotWaitedFor) {
  object_->spec.attach_required = false;
  EXPECT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(volumes_->InUse(), ElementsAre());
}

TEST_F(CsiVolumesTest, AnAttacherThatFindsNoRoomIsHeardOf) {
  auto attachment = std::make_shared<storage_v1::VolumeAttachment>();
  attachment->status.attach_error.emplace().message = "no room";
  attachment_ = attachment;
  EXPECT_EQ(ErrorOf(Claiming("a")).message,
            "MountVolume.WaitForAttach failed for volume \"pv\" : no room");
  EXPECT_THAT(exhausted_, ElementsAre());
  attachment->status.attach_error->error_code = 8;
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kConflict);
  EXPECT_THAT(exhausted_, ElementsAre()) << "the driver's number of volumes does not change";
  object_->spec.node_allocatable_update_period_seconds = 60;
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kRequestEntityTooLarge);
  EXPECT_THAT(exhausted_, ElementsAre("fake.csi"));
}

TEST_F(CsiVolumesTest, AVolumeIsLetGoOfOnceItsDriverIsKnownToNeedNoAttaching) {
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kTimeout);
  object_->spec.attach_required = false;
  EXPECT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(volumes_->InUse(), ElementsAre());
}

TEST_F(CsiVolumesTest, ItsDriverSaysHowMuchOfAVolumeIsUsed) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  const auto places = manager_->MeasuredPlaces(Claiming("a"));
  ASSERT_EQ(places.size(), 1u);
  const auto use = Ask(places[0]);
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_EQ(use->bytes->total, 100u);
  EXPECT_EQ(use->bytes->used, 30u);
  EXPECT_EQ(use->bytes->available, 70u);
  EXPECT_FALSE(use->inodes);
  EXPECT_EQ(driver_.calls.back(),
            "stats v1 " + tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount");
}

TEST_F(CsiVolumesTest, ADriverThatKeepsSilentIsNotAskedOfEachVolume) {
  EXPECT_EQ(ErrorOf(Claiming("a")).reason, Reason::kTimeout);
  const auto places = manager_->MeasuredPlaces(Claiming("a"));
  ASSERT_EQ(places.size(), 1u);
  EXPECT_FALSE(Ask(places[0]));
  EXPECT_THAT(driver_.calls, ElementsAre()) << "it has published nothing yet";
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  driver_.stats_problem = grpc::Status(grpc::StatusCode::UNAVAILABLE, "hangs");
  driver_.calls.clear();
  EXPECT_FALSE(Ask(places[0]));
  driver_.stats_problem = grpc::Status::OK;
  EXPECT_FALSE(Ask(places[0]));
  EXPECT_EQ(driver_.calls.size(), 1u);
  clock_.Advance(CsiVolumes::kSilentFor);
  EXPECT_TRUE(Ask(places[0]));
}

TEST_F(CsiVolumesTest, WhatTheDriverSaysIsTold) {
  Attach();
  driver_.problem = "out of order";
  EXPECT_EQ(ErrorOf(Claiming("a")).message,
            "MountVolume.SetUp failed for volume \"pv\" : rpc error: code = Internal desc = out of "
            "order");
  drivers_.Remove("fake.csi");
  EXPECT_EQ(ErrorOf(Claiming("a")).message,
            "MountVolume.MountDevice failed for volume \"pv\" : kubernetes.io/csi: attacher."
            "MountDevice failed to create newCsiDriverClient: driver name fake.csi not found in "
            "the list of "
            "registered CSI drivers");
  EXPECT_FALSE(manager_->TearDown("a")) << "the driver has not taken it back";
}

TEST_F(CsiVolumesTest, AKubeletThatIsStartedAnewTakesDownWhatItFinds) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  Restart();
  EXPECT_THAT(volumes_->InUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "unpublish v1", "unstage v1"));
}

TEST_F(CsiVolumesTest, AVolumeThatAPodDescribesIsNeitherAttachedNorStaged) {
  core_v1::Pod pod = PodOf("a");
  pod.spec.volumes[0].csi.emplace().driver = "fake.csi";
  ASSERT_TRUE(manager_->SetUp(pod));
  const std::string handle = InlineHandle("a", "data");
  EXPECT_EQ(driver_.published.volume_context().at("csi.storage.k8s.io/ephemeral"), "true");
  EXPECT_EQ(driver_.published.staging_target_path(), "");
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("publish " + handle, "unpublish " + handle));
}

TEST_F(CsiVolumesTest, WhatADriverRefusedToMakeItIsNotAskedToTakeBack) {
  core_v1::Pod pod = PodOf("a");
  pod.spec.volumes[0].csi.emplace().driver = "fake.csi";
  driver_.problem = "no room";
  EXPECT_FALSE(manager_->SetUp(pod));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("publish " + InlineHandle("a", "data")));
}

TEST_F(CsiVolumesTest, WhatADriverMayStillMakeIsTakenBackThoughItCannotBeAskedAgain) {
  core_v1::Pod pod = PodOf("a");
  auto& csi = pod.spec.volumes[0].csi.emplace();
  csi.driver = "fake.csi";
  driver_.problem = "still at it";
  driver_.problem_code = grpc::StatusCode::ABORTED;
  EXPECT_FALSE(manager_->SetUp(pod));
  csi.node_publish_secret_ref.Ensure().name = "gone";
  EXPECT_EQ(ErrorOf(pod).reason, Reason::kNotFound);
  ASSERT_TRUE(manager_->TearDown("a"));
  const std::string handle = InlineHandle("a", "data");
  EXPECT_THAT(driver_.calls, ElementsAre("publish " + handle, "unpublish " + handle));
}

TEST_F(CsiVolumesTest, OfWhatCouldNotBeRenewedNothingIsRemoved) {
  core_v1::Pod pod = PodOf("a");
  pod.spec.volumes[0].csi.emplace().driver = "fake.csi";
  object_->spec.requires_republish = true;
  ASSERT_TRUE(manager_->SetUp(pod));
  clock_.Advance(2min);
  driver_.problem = "not now";
  ASSERT_TRUE(manager_->SetUp(pod));
  const std::string directory = tree_.root() + "/pods/a/volumes/kubernetes.io~csi/data/";
  EXPECT_TRUE(std::filesystem::exists(directory + "mount"));
  EXPECT_TRUE(std::filesystem::exists(directory + kVolumeData));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_EQ(driver_.calls.back(), "unpublish " + InlineHandle("a", "data"));
}

TEST_F(CsiVolumesTest, WhatWasStagedInVainIsTakenBack) {
  Attach();
  driver_.problem = "no room";
  EXPECT_FALSE(manager_->SetUp(Claiming("a")));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "unpublish v1", "unstage v1"));
}

TEST_F(CsiVolumesTest, ADriverWithoutEphemeralVolumesRefusesThem) {
  core_v1::Pod pod = PodOf("a");
  pod.spec.volumes[0].csi.emplace().driver = "fake.csi";
  object_->spec.volume_lifecycle_modes = {"Persistent"};
  EXPECT_EQ(
      ErrorOf(pod).message,
      "MountVolume.SetUp failed for volume \"data\" : volume mode \"Ephemeral\" not supported "
      "by driver fake.csi (only supports [\"Persistent\"])");
  object_ = nullptr;
  EXPECT_EQ(
      ErrorOf(pod).message,
      "MountVolume.SetUp failed for volume \"data\" : volume mode \"Ephemeral\" not supported "
      "by driver fake.csi (no CSIDriver object)");
}

TEST_F(CsiVolumesTest, ADriverThatWantsItIsAskedAgainEveryMinute) {
  Attach();
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  clock_.Advance(2min);
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_EQ(driver_.calls.size(), 2u);
  object_->spec.requires_republish = true;
  clock_.Advance(2min);
  driver_.problem = "not now";
  EXPECT_TRUE(manager_->SetUp(Claiming("a"))) << "what was published is still there";
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "publish v1"));
}

}  // namespace
}  // namespace skiff::kubelet::csi
