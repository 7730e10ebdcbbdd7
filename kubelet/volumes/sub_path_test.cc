#include "kubelet/volumes/sub_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

class SubPathTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!MayMount()) GTEST_SKIP() << "this process may not mount";
    tree_.MakeDirectory("volume");
    tree_.Write("outside/secret", "outside");
  }
  Result<std::string> Mount(const std::string& sub_path, const std::string& index = "0") {
    return MountSubPath(
        {tree_.Path("volume"), sub_path, tree_.Path("pod/volume-subpaths/v/c/" + index)});
  }
  TemporaryTree tree_;
};

TEST_F(SubPathTest, MountsAPartOfTheVolumeAndMakesItIfItIsMissing) {
  ASSERT_EQ(chmod(tree_.Path("volume").c_str(), 03777), 0);
  const auto mounted = Mount("a/b");
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_EQ(*mounted, tree_.Path("pod/volume-subpaths/v/c/0"));
  EXPECT_EQ(tree_.Mode("volume/a/b"), 03777u);  // As the volume itself.
  EXPECT_EQ(tree_.Mode("pod/volume-subpaths/v/c"), 0750u);
  tree_.Write("volume/a/b/file", "x");
  EXPECT_EQ(tree_.Read("pod/volume-subpaths/v/c/0/file"), "x");
}

TEST_F(SubPathTest, MountsAFileAlsoBehindLinksThatStayInTheVolume) {
  tree_.Write("volume/..2026/key", "value");
  tree_.Link("..2026", "volume/..data");
  tree_.Link("..data/key", "volume/key");
  const auto mounted = Mount("key");
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_EQ(tree_.Read("pod/volume-subpaths/v/c/0"), "value");
}

TEST_F(SubPathTest, GivesARestartedContainerTheSameMount) {
  ASSERT_TRUE(Mount("a"));
  ASSERT_TRUE(Mount("a"));
  EXPECT_EQ(MountsBelow(tree_.root()).size(), 1u);
  // What was there has gone, and another one has its name.
  std::filesystem::rename(tree_.Path("volume/a"), tree_.Path("volume/old"));
  tree_.Write("volume/a/file", "new");
  ASSERT_TRUE(Mount("a"));
  EXPECT_EQ(MountsBelow(tree_.root()).size(), 1u);
  EXPECT_EQ(tree_.Read("pod/volume-subpaths/v/c/0/file"), "new");
}

TEST_F(SubPathTest, MakesNothingBehindALinkThatLeadsOut) {
  tree_.Link(tree_.Path("outside"), "volume/x");
  tree_.Link("../outside", "volume/y");
  for (const char* sub_path : {"x/owned", "x", "x/secret", "y/owned", "y", "../outside/owned",
                               "a/../../outside/owned"}) {
    EXPECT_FALSE(Mount(sub_path)) << sub_path;
  }
  EXPECT_FALSE(tree_.Exists("outside/owned"));
  EXPECT_TRUE(MountsBelow(tree_.root()).empty());
}

// A container that changes a directory into a link and back as fast as it can, while the kubelet
// prepares a path below it for the next one.
TEST_F(SubPathTest, IsNotWonBySwappingLinks) {
  tree_.MakeDirectory("volume/x/part");
  tree_.MakeDirectory("outside/part");
  tree_.Link(tree_.Path("outside"), "volume/y");
  const std::string x = tree_.Path("volume/x"), y = tree_.Path("volume/y");
  std::atomic<bool> stop = false;
  std::thread attacker([&] {
    while (!stop) {
      syscall(SYS_renameat2, AT_FDCWD, x.c_str(), AT_FDCWD, y.c_str(), RENAME_EXCHANGE);
    }
  });
  // Until the kubelet has come both in time and too late, for what is there and for what has to be
  // made; who gets to run is the machine's choice, so there is an end to waiting for it.
  constexpr int kOften = 50, kTriesMax = 50'000;
  int mounted = 0, made = 0, refused = 0;
  for (int i = 0; i < kTriesMax; ++i) {
    if (mounted > kOften && made > kOften && refused > kOften) break;
    const bool is_new = i % 2 == 1;
    const std::string name = is_new ? "x/owned" + std::to_string(i) : "x/part";
    const auto got = Mount(name, std::to_string(i));
    if (!got) {
      ++refused;
      continue;
    }
    ++(is_new ? made : mounted);
    const std::string target = *got;
    EXPECT_FALSE(std::filesystem::equivalent(target, tree_.Path("outside/part")));
    umount2(target.c_str(), MNT_DETACH);
  }
  stop = true;
  attacker.join();
  int inside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tree_.Path("outside"))) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("owned")) << entry.path();
    ++inside;
  }
  EXPECT_EQ(inside, 2);  // What was there before.
  // Nobody swaps any more: the one of the two that is a directory can be mounted.
  EXPECT_NE(Mount("x/part", "last").has_value(), Mount("y/part", "last").has_value());
}

}  // namespace
}  // namespace skiff::kubelet
