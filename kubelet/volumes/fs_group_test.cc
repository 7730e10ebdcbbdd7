#include "kubelet/volumes/fs_group.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

constexpr gid_t kGroup = 2345;

class FsGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root may give files away";
    tree_.Write("volume/a/file", "x");
    tree_.Write("outside/file", "x");
    chmod(tree_.Path("volume/a/file").c_str(), 0600);
    chmod(tree_.Path("volume/a").c_str(), 0700);
    chmod(tree_.Path("volume").c_str(), 0755);
  }
  void Apply(const FsGroup& wanted) {
    const auto volume = OpenDirectory(tree_.Path("volume"));
    ASSERT_TRUE(volume);
    const auto applied = ApplyFsGroup(*volume, wanted);
    EXPECT_TRUE(applied) << applied.error().message;
  }
  gid_t Group(const std::string& path) { return tree_.Stat(path).st_gid; }
  TemporaryTree tree_;
};

TEST(FsGroupModeTest, GivesTheGroupWhatTheVolumeAllows) {
  EXPECT_EQ(FsGroupMode(S_IFREG | 0600, false), S_IFREG | 0660u);
  EXPECT_EQ(FsGroupMode(S_IFREG | 0400, true), S_IFREG | 0440u);
  EXPECT_EQ(FsGroupMode(S_IFDIR | 0755, false), S_IFDIR | 02775u);
  EXPECT_EQ(FsGroupMode(S_IFDIR | 0700, true), S_IFDIR | 02750u);
}

TEST(FsGroupModeTest, IsThePodsAndItsPolicy) {
  core_v1::Pod pod;
  EXPECT_FALSE(FsGroupOf(pod, false));
  auto& security = pod.spec.security_context.Ensure();
  EXPECT_FALSE(FsGroupOf(pod, false));
  security.fs_group = 7;
  EXPECT_EQ(FsGroupOf(pod, true)->group, 7u);
  EXPECT_FALSE(FsGroupOf(pod, true)->on_root_mismatch);
  security.fs_group_change_policy = "OnRootMismatch";
  EXPECT_TRUE(FsGroupOf(pod, true)->on_root_mismatch);
}

TEST_F(FsGroupTest, SetsGroupAndModeOfAllInTheVolume) {
  Apply({kGroup, false, false});
  for (const char* path : {"volume", "volume/a", "volume/a/file"}) EXPECT_EQ(Group(path), kGroup);
  EXPECT_EQ(tree_.Mode("volume"), 02775u);
  EXPECT_EQ(tree_.Mode("volume/a"), 02770u);
  EXPECT_EQ(tree_.Mode("volume/a/file"), 0660u);
}

TEST_F(FsGroupTest, TouchesNothingBehindALink) {
  tree_.Link("../../outside", "volume/a/directory");
  tree_.Link(tree_.Path("outside/file"), "volume/a/link");
  const unsigned mode = tree_.Mode("outside/file");
  Apply({kGroup, false, false});
  EXPECT_EQ(Group("volume/a/link"), kGroup);
  EXPECT_NE(Group("outside"), kGroup);
  EXPECT_NE(Group("outside/file"), kGroup);
  EXPECT_EQ(tree_.Mode("outside/file"), mode);
}

TEST_F(FsGroupTest, LeavesAVolumeAloneWhoseRootIsRightWhenItMay) {
  Apply({kGroup, false, true});
  EXPECT_EQ(Group("volume/a/file"), kGroup);  // The root was not.
  ASSERT_EQ(chown(tree_.Path("volume/a/file").c_str(), 0, 0), 0);
  Apply({kGroup, false, true});
  EXPECT_EQ(Group("volume/a/file"), 0u);
  Apply({kGroup, false, false});
  EXPECT_EQ(Group("volume/a/file"), kGroup);
}

}  // namespace
}  // namespace skiff::kubelet
