#include "kubelet/volumes/atomic_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

class AtomicFilesTest : public testing::Test {
 protected:
  Result<> Write(const std::map<std::string, FileContent>& files,
                 const std::optional<FsGroup>& group = std::nullopt) {
    return WriteFilesAtomically(tree_.root(), files, clock_.Now(), group);
  }
  std::string Data() { return std::filesystem::read_symlink(tree_.Path("..data")); }
  // Names beside the links that users see.
  size_t Hidden() {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(tree_.root())) {
      count += entry.path().filename().string().starts_with("..");
    }
    return count;
  }
  FakeClock clock_;
  TemporaryTree tree_;
};

TEST_F(AtomicFilesTest, UsersSeeLinksIntoOneDirectory) {
  ASSERT_TRUE(Write({{"a", {"1", 0600}}, {"sub/b", {"2", 0644}}}));
  EXPECT_EQ(tree_.Read("a"), "1");
  EXPECT_EQ(tree_.Read("sub/b"), "2");
  EXPECT_EQ(std::filesystem::read_symlink(tree_.Path("a")), "..data/a");
  EXPECT_EQ(std::filesystem::read_symlink(tree_.Path("sub")), "..data/sub");
  EXPECT_EQ(tree_.Mode("..data/a"), 0600u);
  EXPECT_EQ(tree_.Mode("..data/sub"), 0755u);
}

TEST_F(AtomicFilesTest, AChangeReplacesAllAtOnceAndLeavesNothingOld) {
  ASSERT_TRUE(Write({{"a", {"1"}}, {"gone", {"1"}}}));
  const std::string before = Data();
  ASSERT_TRUE(Write({{"a", {"2"}}, {"new", {"2"}}}));  // The clock stands still.
  EXPECT_NE(Data(), before);
  EXPECT_EQ(tree_.Read("a"), "2");
  EXPECT_EQ(tree_.Read("new"), "2");
  EXPECT_FALSE(tree_.Exists("gone"));
  EXPECT_EQ(Hidden(), 2u);  // ..data and what it leads to.
}

TEST_F(AtomicFilesTest, TheSameContentsAreNotWrittenAgain) {
  ASSERT_TRUE(Write({{"a", {"1", 0640}}}));
  const std::string before = Data();
  ASSERT_TRUE(Write({{"a", {"1", 0640}}}));
  EXPECT_EQ(Data(), before);
  ASSERT_TRUE(Write({{"a", {"1", 0600}}}));  // Another mode is a change.
  EXPECT_NE(Data(), before);
  EXPECT_EQ(tree_.Mode("..data/a"), 0600u);
}

TEST_F(AtomicFilesTest, NothingIsThrownWhereThereAreNoDescriptorsLeft) {
  ASSERT_TRUE(Write({{"sub/a", {"1"}}, {"sub/deep/b", {"2"}}}));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(next, 0);
  close(next);
  rlimit one = before;
  one.rlim_cur = static_cast<rlim_t>(next) + 1;  // The top directory can be opened, none below.
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &one), 0);
  EXPECT_NO_THROW((void)Write({{"sub/a", {"1"}}, {"sub/deep/b", {"2"}}}));
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(tree_.Read("sub/a"), "1");
}

TEST_F(AtomicFilesTest, WhatAnInterruptedWriteLeftGoesWithTheNextOne) {
  tree_.Write("..2020_01_01_00_00_00.1/a", "half");
  ASSERT_TRUE(Write({{"a", {"1"}}}));
  EXPECT_FALSE(tree_.Exists("..2020_01_01_00_00_00.1"));
}

TEST_F(AtomicFilesTest, OwnersAndGroupAreSet) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  const FsGroup group{2345, /*read_only=*/true, false};
  ASSERT_TRUE(Write({{"token", {"t", 0600, 1000}}}, group));
  EXPECT_EQ(tree_.Stat("..data/token").st_uid, 1000u);
  EXPECT_EQ(tree_.Stat("..data/token").st_gid, 2345u);
  EXPECT_EQ(tree_.Mode("..data/token"), 0640u);
  EXPECT_EQ(tree_.Stat(".").st_gid, 2345u);
  const std::string before = Data();
  ASSERT_TRUE(Write({{"token", {"t", 0600, 1000}}}, group));
  EXPECT_EQ(Data(), before);
}

TEST_F(AtomicFilesTest, PathsThatLeaveAreRefusedInKubernetesWords) {
  const auto why = [&](const std::string& path) {
    const auto written = Write({{path, {"x"}}});
    return written ? std::string("written") : written.error().message;
  };
  EXPECT_EQ(why("/etc/passwd"), "invalid path: must be relative path: /etc/passwd");
  EXPECT_EQ(why("a/../b"), "invalid path: must not contain '..': a/../b");
  EXPECT_EQ(why("..data"), "invalid path: must not start with '..': ..data");
  EXPECT_NE(why(std::string(300, 'x')), "written");
  EXPECT_NE(why(""), "written");
  EXPECT_EQ(why("a/..b"), "written");
}

}  // namespace
}  // namespace skiff::kubelet
