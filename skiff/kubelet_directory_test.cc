#include "skiff/kubelet_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace skiff {
namespace {

namespace fs = std::filesystem;

TEST(KubeletDirectoryTest, IsALinkUnlessAnotherHasThePlace) {
  const std::string directory =
      testing::TempDir() + "/skiff-kubelet-directory-" + std::to_string(getpid());
  const std::string known = directory + "/known", ours = directory + "/ours";
  fs::create_directories(ours);
  for (int twice = 0; twice < 2; ++twice) EXPECT_TRUE(LinkKubeletDirectory(ours, known));
  EXPECT_TRUE(fs::equivalent(known, ours));
  EXPECT_FALSE(LinkKubeletDirectory(directory + "/theirs", known));
  UnlinkKubeletDirectory(directory + "/theirs", known);
  EXPECT_TRUE(fs::exists(known)) << "that is for who made it";
  UnlinkKubeletDirectory(ours, known);
  EXPECT_FALSE(fs::exists(fs::symlink_status(known)));
  EXPECT_TRUE(fs::exists(ours));
  fs::create_directory_symlink(directory + "/gone", known);
  EXPECT_TRUE(LinkKubeletDirectory(ours, known));
  UnlinkKubeletDirectory(ours, known);
  fs::create_directory(known);
  EXPECT_FALSE(LinkKubeletDirectory(ours, known));
  UnlinkKubeletDirectory(ours, known);
  EXPECT_TRUE(fs::is_directory(known));
  fs::remove_all(directory);
}

}  // namespace
}  // namespace skiff
