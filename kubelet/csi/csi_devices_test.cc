#include "kubelet/csi/csi_volumes_fixture.h"

namespace skiff::kubelet::csi {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

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
  EXPECT_EQ(paths->at("data").path, link);
  EXPECT_EQ(std::filesystem::read_symlink(link), "/dev/null");
  EXPECT_TRUE(driver_.staged.volume_capability().has_block());
  EXPECT_EQ(driver_.staged.staging_target_path(), Devices("staging/pv"));
  EXPECT_TRUE(driver_.published.volume_capability().has_block());
  EXPECT_EQ(driver_.published.target_path(), Devices("publish/pv/a"));
  EXPECT_TRUE(std::filesystem::is_character_file(Devices("pv/dev/a")));
  EXPECT_TRUE(std::filesystem::exists(Devices("pv/data/vol_data.json")));
  EXPECT_TRUE(Ask(manager_->MeasuredPlaces(With("a")).at(0)));
  EXPECT_EQ(driver_.calls.back(), "stats v1 " + Devices("pv/dev/a"));
  driver_.calls.pop_back();
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

TEST_F(CsiDevicesTest, AContainerThatIsAddedLaterDoesNotMountADevice) {
  core_v1::Pod pod = With("a");
  EXPECT_EQ(ProblemOf(pod, pod.spec.containers[0]), "");
  auto& added = pod.spec.ephemeral_containers.emplace_back();
  added.volume_mounts.emplace_back().name = "data";
  core_v1::Container container;
  container.name = added.name = "debug";
  container.volume_mounts = added.volume_mounts;
  EXPECT_EQ(ProblemOf(pod, container),
            "cannot find volume \"data\" to mount into container \"debug\"");
}

TEST_F(CsiDevicesTest, WhatAnEarlierKubeletHasPublishedIsTakenBackThoughItCannotBeStagedAnew) {
  ASSERT_TRUE(manager_->SetUp(With("a")));
  Restart();
  driver_.staging_problem = grpc::Status(grpc::StatusCode::INTERNAL, "out of order");
  EXPECT_FALSE(manager_->SetUp(With("a")));
  EXPECT_THAT(driver_.calls, ElementsAre("stage v1", "publish v1", "stage v1"));
  driver_.calls.clear();
  ASSERT_TRUE(manager_->TearDown("a"));
  EXPECT_THAT(driver_.calls, ElementsAre("unpublish v1", "unstage v1"));
}

TEST_F(CsiDevicesTest, ADeviceHasNoFilesToGiveAGroup) {
  core_v1::Pod pod = With("a");
  pod.spec.security_context.emplace().fs_group = 1234;
  volume_->spec.csi->fs_type = "ext4";
  object_->spec.fs_group_policy = "File";
  EXPECT_EQ(ErrorOf(pod).message, "");
}

TEST_F(CsiDevicesTest, AVolumeMayNotHaveTheNameOfWhatAllHave) {
  for (const std::string name : {"staging", "publish"}) {
    claim_->spec.volume_name = volume_->metadata.name = name;
    EXPECT_EQ(ErrorOf(With("a")).message, "MapVolume.SetUpDevice failed for volume \"" + name +
                                              "\" : a device cannot have this name");
    EXPECT_TRUE(manager_->TearDown("a"));
  }
  EXPECT_THAT(driver_.calls, ElementsAre());
}

TEST_F(CsiDevicesTest, WhatLiesWhereADeviceIsStagedIsNoLeftover) {
  std::filesystem::create_directories(Devices("staging/data"));
  ASSERT_TRUE(WriteVolumeData(Devices("staging/data"), {.driver = "fake.csi", .handle = "v9"}));
  Restart();
  EXPECT_EQ(Unstager(volumes_.get()).Step(), kNever);
  EXPECT_THAT(driver_.calls, ElementsAre());
  EXPECT_TRUE(std::filesystem::exists(Devices("staging/data")));
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

}  // namespace
}  // namespace skiff::kubelet::csi
