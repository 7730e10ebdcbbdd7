#include "kubelet/volumes/beneath.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string_view>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

using std::string_view_literals::operator""sv;

// The system call, and what stands in for it where the kernel lacks it.
class BeneathTest : public testing::TestWithParam<decltype(&OpenBeneath)> {
 protected:
  BeneathTest() {
    tree_.Write("volume/a/file", "inside");
    tree_.Write("outside/secret", "outside");
    tree_.Link("a", "volume/link");
    tree_.Link("../../outside", "volume/a/out");
    tree_.Link(tree_.Path("outside"), "volume/absolute");
    auto opened = OpenDirectory(tree_.Path("volume"));
    EXPECT_TRUE(opened);
    volume_ = std::move(*opened);
  }
  Result<Descriptor> Open(const std::string& path, int flags = O_PATH) {
    return GetParam()(volume_, path, flags);
  }
  TemporaryTree tree_;
  Descriptor volume_;
};

TEST_P(BeneathTest, OpensWhatLiesBelow) {
  EXPECT_TRUE(Open(""));
  EXPECT_TRUE(Open("."));
  EXPECT_TRUE(Open("a"));
  const auto file = Open("./a//file", O_RDONLY);
  ASSERT_TRUE(file) << file.error().message;
  char text[16] = {};
  EXPECT_EQ(read(file->number(), text, sizeof(text)), 6);
  EXPECT_STREQ(text, "inside");
}

TEST_P(BeneathTest, FollowsNoLinkAndDoesNotLeave) {
  for (const char* path : {"link", "link/file", "a/out", "a/out/secret", "absolute",
                           "absolute/secret", "..", "a/../..", "/etc", "/"}) {
    for (const int flags : {O_PATH, O_RDONLY}) {
      const auto opened = Open(path, flags);
      ASSERT_FALSE(opened) << path;
      EXPECT_NE(opened.error().reason, Reason::kNotFound) << path;
    }
  }
  EXPECT_EQ(Open("missing").error().reason, Reason::kNotFound);
  EXPECT_EQ(Open("a/missing/x").error().reason, Reason::kNotFound);
}

// Whoever makes a pod may write one into a subPath.
TEST_P(BeneathTest, NoZeroByteHidesAStepUp) {
  for (const std::string_view path :
       {"..\0x"sv, "..\0x/outside"sv, "a/..\0/..\0/outside"sv, "a\0"sv}) {
    const auto opened = Open(std::string(path));
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().reason, Reason::kInvalid) << path;
    EXPECT_FALSE(ResolveBeneath(volume_, std::string(path))) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(ByCallAndByWalk, BeneathTest, testing::Values(&OpenBeneath, &WalkBeneath));

TEST(ResolveBeneathTest, FollowsLinksThatStay) {
  const TemporaryTree tree;
  tree.MakeDirectory("volume/..2026");
  tree.Link("..2026", "volume/..data");
  tree.Link("..data/config", "volume/config");
  tree.Link("loop", "volume/loop");
  tree.Link("../..", "volume/..2026/up");
  tree.Link("/etc", "volume/etc");
  const auto volume = OpenDirectory(tree.Path("volume"));
  ASSERT_TRUE(volume);
  EXPECT_EQ(*ResolveBeneath(*volume, "config"), "..2026/config");
  EXPECT_EQ(*ResolveBeneath(*volume, "..data/x/y"), "..2026/x/y");
  EXPECT_EQ(*ResolveBeneath(*volume, "new/../other"), "other");
  EXPECT_EQ(*ResolveBeneath(*volume, ""), "");
  for (const char* path : {"loop", "..2026/up", "..data/up/x", "etc", "etc/x", "..", "../x", "/x"}) {
    const auto resolved = ResolveBeneath(*volume, path);
    ASSERT_FALSE(resolved) << path << " -> " << *resolved;
    EXPECT_EQ(resolved.error().reason, Reason::kForbidden) << path;
  }
}

TEST(MakeDirectoriesBeneathTest, MakesThemWithExactlyTheModeAndThroughNoLink) {
  const TemporaryTree tree;
  tree.MakeDirectory("volume");
  tree.MakeDirectory("outside");
  tree.Link("../outside", "volume/link");
  const auto volume = OpenDirectory(tree.Path("volume"));
  ASSERT_TRUE(volume);
  const mode_t before = umask(077);
  EXPECT_TRUE(MakeDirectoriesBeneath(*volume, "x/y", 02777));
  umask(before);
  EXPECT_EQ(tree.Mode("volume/x"), 02777u);
  EXPECT_EQ(tree.Mode("volume/x/y"), 02777u);
  EXPECT_FALSE(MakeDirectoriesBeneath(*volume, "link/owned", 0755));
  EXPECT_FALSE(MakeDirectoriesBeneath(*volume, "../owned", 0755));
  EXPECT_FALSE(tree.Exists("outside/owned"));
}

TEST(RemoveTreeTest, RemovesTheTreeAndNothingThatItsLinksLeadTo) {
  const TemporaryTree tree;
  tree.Write("outside/kept", "kept");
  tree.Write("pod/volume/a/b/file", "gone");
  tree.Link("../../outside", "pod/volume/out");
  tree.Link(tree.Path("outside"), "pod/volume/a/out");
  ASSERT_TRUE(RemoveTree(tree.Path("pod")));
  EXPECT_FALSE(tree.Exists("pod"));
  EXPECT_EQ(tree.Read("outside/kept"), "kept");
  EXPECT_TRUE(RemoveTree(tree.Path("pod")));  // Again does no harm.
  EXPECT_TRUE(RemoveTree(tree.Path("never/was")));
}

TEST(RemoveTreeTest, LeavesATreeAloneThatIsALinkItself) {
  const TemporaryTree tree;
  tree.Write("outside/kept", "kept");
  tree.Link("outside", "pod");
  EXPECT_FALSE(RemoveTree(tree.Path("pod")));
  EXPECT_EQ(tree.Read("outside/kept"), "kept");
}

TEST(RemoveTreeTest, RemovesWhatIsNestedDeeperThanAnyPathOrStack) {
  const TemporaryTree tree;
  // A disk may take its time for each directory.
  if (MayMount()) mount("tmpfs", tree.root().c_str(), "tmpfs", 0, "");
  tree.MakeDirectory("pod");
  auto here = OpenDirectory(tree.Path("pod"));
  ASSERT_TRUE(here);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(mkdirat(here->number(), "nested", 0700), 0);
    ASSERT_EQ(mkdirat(here->number(), "beside", 0700), 0);
    here = OpenBeneath(*here, "nested", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(here);
  }
  *here = Descriptor();
  const auto removed = RemoveTree(tree.Path("pod"));
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_FALSE(tree.Exists("pod"));
}

TEST(RemoveTreeTest, StopsAtWhatIsMountedInTheTree) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  const TemporaryTree tree;
  tree.Write("outside/kept", "kept");
  tree.MakeDirectory("pod/volume");
  ASSERT_EQ(mount(tree.Path("outside").c_str(), tree.Path("pod/volume").c_str(), nullptr, MS_BIND,
                  nullptr),
            0);
  const auto removed = RemoveTree(tree.Path("pod"));
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().message, "remove volume: something is mounted there");
  EXPECT_EQ(tree.Read("outside/kept"), "kept");
}

}  // namespace
}  // namespace skiff::kubelet
