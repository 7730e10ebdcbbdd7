#include "kubelet/csi/csi_volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kubelet/csi/names.h"
#include "kubelet/csi_grpc_fake.h"
#include "kubelet/volumes/temporary_tree.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet::csi {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

// A pod's claim "data" is bound to the volume "pv", of the handle "v1".
class CsiVolumesTest : public testing::Test {
 protected:
  CsiVolumesTest() {
    drivers_.Put({"fake.csi", tree_.root() + "/csi.sock", "id-of-n1", {}, 0});
    claim_->metadata.uid = "uid-of-claim";
    claim_->spec.volume_name = volume_->metadata.name = "pv";
    claim_->status.phase = "Bound";
    volume_->spec.claim_ref.emplace().uid = "uid-of-claim";
    volume_->spec.access_modes = {"ReadWriteOnce"};
    volume_->spec.mount_options = {"noatime"};
    auto& csi = volume_->spec.csi.emplace();
    csi.driver = "fake.csi";
    csi.volume_handle = "v1";
    csi.volume_attributes["size"] = "small";
    object_->spec.volume_lifecycle_modes = {"Persistent", "Ephemeral"};
    object_->spec.pod_info_on_mount = true;
    Restart();
  }
  // As a kubelet that is started anew.
  void Restart() {
    CsiVolumes::Sources sources;
    sources.known_root = known_root_;
    sources.driver = [this](const std::string& name) -> Result<Ptr<storage_v1::CSIDriver>> {
      if (object_) return object_;
      return Fail(Reason::kNotFound, name);
    };
    sources.attachment =
        [this](const std::string& name) -> Result<Ptr<storage_v1::VolumeAttachment>> {
      if (attachment_ && name == AttachmentName("fake.csi", "v1", "n1")) return attachment_;
      return Fail(Reason::kNotFound, name);
    };
    sources.use_changed = [this] {
      if (volumes_ && reports_) volumes_->Reported(volumes_->InUse());
    };
    sources.patch_claim = [this](
                              const core_v1::PersistentVolumeClaim& claim,
                              const auto& change) -> Result<Ptr<core_v1::PersistentVolumeClaim>> {
      auto changed = std::make_shared<core_v1::PersistentVolumeClaim>(claim);
      change(*changed);
      claim_ = changed;
      return claim_;
    };
    sources.exhausted = [this](const std::string& driver) { exhausted_.push_back(driver); };
    sources.wake = [this](const std::string& uid) { woken_.push_back(uid); };
    volumes_ = std::make_unique<CsiVolumes>(tree_.root(), "n1", drivers_, sources);
    VolumeSources api;
    api.claim = [this](const std::string&,
                       const std::string&) -> Result<Ptr<core_v1::PersistentVolumeClaim>> {
      return claim_;
    };
    api.volume = [this](const std::string&) -> Result<Ptr<core_v1::PersistentVolume>> {
      return volume_;
    };
    api.csi = volumes_.get();
    manager_ = std::make_unique<VolumeManager>(tree_.root(), api, clock_);
  }
  void Attach() {
    auto attachment = std::make_shared<storage_v1::VolumeAttachment>();
    attachment->status.attached = true;
    attachment->status.attachment_metadata["device"] = "sdb";
    attachment_ = attachment;
  }
  static core_v1::Pod PodOf(const std::string& uid) {
    core_v1::Pod pod;
    pod.metadata.name = pod.metadata.uid = uid;
    pod.metadata.namespace_ = "default";
    auto& mount = pod.spec.containers.emplace_back().volume_mounts.emplace_back();
    mount.name = pod.spec.volumes.emplace_back().name = "data";
    return pod;
  }
  static core_v1::Pod Claiming(const std::string& uid) {
    core_v1::Pod pod = PodOf(uid);
    pod.spec.volumes[0].persistent_volume_claim.emplace().claim_name = "claim";
    return pod;
  }
  Error ErrorOf(const core_v1::Pod& pod) {
    const auto made = manager_->SetUp(pod);
    return made ? Error{} : made.error();
  }

  TemporaryTree tree_;
  std::string known_root_;
  bool reports_ = true;  // The node's status is written at once.
  std::vector<std::string> woken_, exhausted_;
  Drivers drivers_;
  FakeDriver driver_{tree_.root() + "/csi.sock"};
  std::shared_ptr<core_v1::PersistentVolumeClaim> claim_ =
      std::make_shared<core_v1::PersistentVolumeClaim>();
  std::shared_ptr<core_v1::PersistentVolume> volume_ =
      std::make_shared<core_v1::PersistentVolume>();
  std::shared_ptr<storage_v1::CSIDriver> object_ = std::make_shared<storage_v1::CSIDriver>();
  Ptr<storage_v1::VolumeAttachment> attachment_;
  FakeClock clock_;
  std::unique_ptr<CsiVolumes> volumes_;
  std::unique_ptr<VolumeManager> manager_;
};

TEST_F(CsiVolumesTest, AVolumeIsStagedOnceForTheNodeAndPublishedForEachPod) {
  Attach();
  const auto paths = manager_->SetUp(Claiming("a"));
  ASSERT_TRUE(paths) << paths.error().message;
  const std::string target = tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount";
  EXPECT_EQ(paths->at("data"), target);
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
  EXPECT_TRUE(volumes_->UnstageLeftovers());
  EXPECT_THAT(driver_.calls, ElementsAre()) << "the other pod uses it";
  EXPECT_TRUE(manager_->TearDown("b"));
  EXPECT_THAT(driver_.calls, ElementsAre("unpublish v1", "unstage v1"));
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

class CsiExpansionTest : public CsiVolumesTest {
 protected:
  CsiExpansionTest() {
    Attach();
    SetSize("1Gi");
    claim_->status.capacity["storage"] = *Quantity::Parse("1Gi");
  }
  void SetSize(const std::string& size) {
    volume_->spec.capacity["storage"] = *Quantity::Parse(size);
  }
  // As external-resizer does.
  void Grow(const std::string& size) {
    SetSize(size);
    claim_->spec.resources.requests["storage"] = *Quantity::Parse(size);
    claim_->status.allocated_resources["storage"] = *Quantity::Parse(size);
    claim_->status.allocated_resource_statuses["storage"] = "NodeResizePending";
    claim_->status.conditions.emplace_back().type = "FileSystemResizePending";
  }
  Quantity Capacity() { return claim_->status.capacity.at("storage"); }
};

TEST_F(CsiExpansionTest, AVolumeGrowsWhileItIsInUse) {
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1"));
  Grow("2Gi");
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "expand v1"));
  EXPECT_EQ(driver_.expanded.capacity_range().required_bytes(), int64_t{2} << 30);
  EXPECT_EQ(driver_.expanded.volume_path(),
            tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount");
  EXPECT_EQ(driver_.expanded.staging_target_path(),
            StagingDirectory(tree_.root(), "fake.csi", "v1") + "/globalmount");
  EXPECT_EQ(Capacity(), *Quantity::Parse("2Gi"));
  EXPECT_TRUE(claim_->status.conditions.empty());
  EXPECT_TRUE(claim_->status.allocated_resource_statuses.empty());
}

TEST_F(CsiExpansionTest, OneThatWaitedForAPodGrowsBeforeThePodHasIt) {
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::INTERNAL, "not now");
  EXPECT_EQ(
      ErrorOf(Claiming("a")).message,
      "MountVolume.Setup failed while expanding volume for volume \"pv\" : Expander.NodeExpand "
      "failed to expand the volume : rpc error: code = Internal desc = not now");
  EXPECT_EQ(claim_->status.allocated_resource_statuses.at("storage"), "NodeResizeInProgress");
  EXPECT_EQ(claim_->status.conditions.back().type, "NodeResizeError");
  driver_.expansion_problem = grpc::Status::OK;
  EXPECT_EQ(ErrorOf(Claiming("a")).message, "");
  EXPECT_EQ(Capacity(), *Quantity::Parse("2Gi"));
}

TEST_F(CsiExpansionTest, WhatCannotGrowIsNotTriedForEver) {
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "too much");
  ASSERT_TRUE(manager_->SetUp(Claiming("a"))) << "the pod has it already";
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_EQ(claim_->status.allocated_resource_statuses.at("storage"), "NodeResizeInfeasible");
  EXPECT_EQ(driver_.calls.size(), 3u);
  EXPECT_EQ(Capacity(), *Quantity::Parse("1Gi"));
}

TEST_F(CsiExpansionTest, ADriverThatGrowsNothingInUseKeepsNoPodWaiting) {
  Grow("2Gi");
  driver_.expansion_problem = grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "in use");
  EXPECT_EQ(ErrorOf(Claiming("a")).message, "");
  ASSERT_TRUE(manager_->SetUp(Claiming("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "expand v1"));
}

class CsiDevicesTest : public CsiVolumesTest {
 protected:
  CsiDevicesTest() {
    volume_->spec.volume_mode = "Block";
    driver_.device = "/dev/null";
    Attach();
  }
  void SetUp() override {
    if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  }
  static core_v1::Pod With(const std::string& uid) {
    core_v1::Pod pod = Claiming(uid);
    pod.spec.containers[0].volume_mounts.clear();
    pod.spec.containers[0].volume_devices.emplace_back().name = "data";
    return pod;
  }
  std::string Devices(const std::string& path) {
    return tree_.root() + "/plugins/kubernetes.io/csi/volumeDevices/" + path;
  }
};

TEST_F(CsiDevicesTest, ADeviceIsStagedPublishedAndMappedAndAllThatTakenBack) {
  const auto paths = manager_->SetUp(With("a"));
  ASSERT_TRUE(paths) << paths.error().message;
  const std::string link = tree_.root() + "/pods/a/volumeDevices/kubernetes.io~csi/pv";
  EXPECT_EQ(paths->at("data"), link);
  EXPECT_EQ(std::filesystem::read_symlink(link), "/dev/null");
  EXPECT_TRUE(driver_.staged.volume_capability().has_block());
  EXPECT_EQ(driver_.staged.staging_target_path(), Devices("staging/pv"));
  EXPECT_TRUE(driver_.published.volume_capability().has_block());
  EXPECT_EQ(driver_.published.target_path(), Devices("publish/pv/a"));
  EXPECT_TRUE(std::filesystem::is_character_file(Devices("pv/dev/a")));
  EXPECT_TRUE(std::filesystem::exists(Devices("pv/data/vol_data.json")));
  ASSERT_TRUE(manager_->SetUp(With("b")));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_FALSE(std::filesystem::exists(Devices("pv/dev/a")));
  Restart();
  EXPECT_THAT(volumes_->InUse(), ElementsAre("kubernetes.io/csi/fake.csi^v1"));
  ASSERT_TRUE(manager_->TearDown("b"));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "publish v1", "unpublish v1",
                                         "unpublish v1", "unstage v1"));
  EXPECT_FALSE(std::filesystem::exists(Devices("pv")));
  EXPECT_FALSE(std::filesystem::exists(Devices("publish/pv")));
  EXPECT_FALSE(std::filesystem::exists(Devices("staging/pv")));
  EXPECT_THAT(volumes_->InUse(), ElementsAre());
}

TEST_F(CsiDevicesTest, ADeviceHasNoFilesToGiveAGroup) {
  core_v1::Pod pod = With("a");
  pod.spec.security_context.emplace().fs_group = 1234;
  volume_->spec.csi->fs_type = "ext4";
  object_->spec.fs_group_policy = "File";
  EXPECT_EQ(ErrorOf(pod).message, "");
}

TEST_F(CsiDevicesTest, EachPhaseThatFailsHasItsWord) {
  driver_.staging_problem = grpc::Status(grpc::StatusCode::INTERNAL, "out of order");
  EXPECT_EQ(
      ErrorOf(With("a")).message,
      "MapVolume.SetUpDevice failed for volume \"pv\" : rpc error: code = Internal desc = out "
      "of order");
  driver_.staging_problem = grpc::Status::OK;
  driver_.problem = "no room";
  EXPECT_EQ(
      ErrorOf(With("a")).message,
      "MapVolume.MapPodDevice failed for volume \"pv\" : rpc error: code = Internal desc = no "
      "room");
  driver_.problem.clear();
  driver_.device = tree_.Write("file", "no device");
  EXPECT_THAT(ErrorOf(With("a")).message,
              StartsWith("MapVolume.MapBlockVolume failed for volume \"pv\" : "));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_EQ(driver_.calls.back(), "unstage v1");
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
  EXPECT_THAT(paths->at("data"), StartsWith(tree_.root() + "/pods/a/"));
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_FALSE(std::filesystem::exists(paths->at("data")));
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
  const auto use = volumes_->Stats(places[0].driver, places[0].handle, places[0].path);
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_EQ(use->bytes->total, 100u);
  EXPECT_EQ(use->bytes->used, 30u);
  EXPECT_EQ(use->bytes->available, 70u);
  EXPECT_FALSE(use->inodes);
  EXPECT_EQ(driver_.calls.back(),
            "stats v1 " + tree_.root() + "/pods/a/volumes/kubernetes.io~csi/pv/mount");
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
