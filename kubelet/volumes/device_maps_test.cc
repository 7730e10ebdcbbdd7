#include "kubelet/volumes/device_maps.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

class DeviceMapsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  }
  dev_t Device(const std::string& path) const { return tree_.Stat(path).st_rdev; }

  TemporaryTree tree_;
  DeviceMaps maps_{tree_.root(), DeviceMaps::Kinds::kAny};
  const DevicePlace place_{"kubernetes.io~csi", "pv", "uid"};
  const std::string mount_ = "plugins/kubernetes.io/csi/volumeDevices/pv/dev/uid";
  const std::string link_ = "pods/uid/volumeDevices/kubernetes.io~csi/pv";
};

TEST_F(DeviceMapsTest, ADeviceIsMountedForThePodAndLinkedFromIt) {
  tree_.Link("/dev/null", "published");
  const auto mapped = maps_.Map(tree_.Path("published"), place_);
  ASSERT_TRUE(mapped) << mapped.error().message;
  EXPECT_TRUE(*mapped);
  EXPECT_EQ(Device(mount_), makedev(1, 3));
  EXPECT_EQ(std::filesystem::read_symlink(tree_.Path(link_)), "/dev/null");
  EXPECT_EQ(maps_.Map(tree_.Path("published"), place_).value_or(true), false);
  ASSERT_TRUE(maps_.Unmap("uid"));
  EXPECT_FALSE(tree_.Exists(mount_));
  EXPECT_TRUE(tree_.Exists(link_));
  EXPECT_TRUE(maps_.Unmap("uid"));
}

TEST_F(DeviceMapsTest, AnotherDeviceOfThatNameTakesThePlace) {
  ASSERT_TRUE(maps_.Map("/dev/null", place_));
  DeviceMaps restarted(tree_.root(), DeviceMaps::Kinds::kAny);
  ASSERT_TRUE(restarted.Map("/dev/zero", place_));
  EXPECT_EQ(Device(mount_), makedev(1, 5));
  EXPECT_EQ(std::filesystem::read_symlink(tree_.Path(link_)), "/dev/zero");
  ASSERT_TRUE(restarted.Unmap("uid"));
  EXPECT_FALSE(tree_.Exists(mount_));
}

TEST_F(DeviceMapsTest, APodKeepsItsDeviceWhereverThePathLeadsLater) {
  tree_.Link("/dev/null", "disk");
  ASSERT_TRUE(maps_.Map(tree_.Path("disk"), place_));
  std::filesystem::remove(tree_.Path("disk"));
  EXPECT_EQ(maps_.Map(tree_.Path("disk"), place_).value_or(true), false);
  tree_.Link("/dev/zero", "disk");
  EXPECT_EQ(maps_.Map(tree_.Path("disk"), place_).value_or(true), false);
  EXPECT_EQ(Device(mount_), makedev(1, 3));
  EXPECT_EQ(std::filesystem::read_symlink(tree_.Path(link_)), "/dev/null");
}

TEST_F(DeviceMapsTest, WhatIsNoBlockDeviceIsNotMapped) {
  EXPECT_FALSE(maps_.Map(tree_.Write("file", "x"), place_));
  EXPECT_FALSE(maps_.Map(tree_.Path("missing"), place_));
  const auto mapped = DeviceMaps(tree_.root()).Map("/dev/null", place_);
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().message, "/dev/null is not a block device");
  EXPECT_FALSE(tree_.Exists(link_));
}

TEST_F(DeviceMapsTest, OfAVolumeThatIsSharedEachPodHasItsMount) {
  ASSERT_TRUE(maps_.Map("/dev/null", place_));
  ASSERT_TRUE(maps_.Map("/dev/null", {"kubernetes.io~csi", "pv", "other"}));
  ASSERT_TRUE(maps_.Unmap("other"));
  EXPECT_EQ(Device(mount_), makedev(1, 3));
}

}  // namespace
}  // namespace skiff::kubelet
