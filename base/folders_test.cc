#include "base/folders.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace skiff {
namespace {

namespace fs = std::filesystem;

class FoldersTest : public testing::Test {
 protected:
  FoldersTest() : before_(umask(0)) { fs::create_directory(root_); }
  ~FoldersTest() override {
    umask(before_);
    fs::remove_all(root_);
  }
  int ModeOf(const std::string& name) {
    return static_cast<int>(fs::status(root_ + name).permissions());
  }

  const mode_t before_;
  const std::string root_ = testing::TempDir() + "/folders-" + std::to_string(getpid());
};

TEST_F(FoldersTest, NobodyElseMayWriteWhateverTheUmask) {
  ASSERT_FALSE(MakePrivateFolder(root_ + "/a/b/pki"));
  EXPECT_EQ(ModeOf("/a"), 0755);
  EXPECT_EQ(ModeOf("/a/b"), 0755);
  EXPECT_EQ(ModeOf("/a/b/pki"), 0700);
}

TEST_F(FoldersTest, WhatIsThereStaysAsItIs) {
  ASSERT_EQ(mkdir((root_ + "/shared").c_str(), 0750), 0);
  ASSERT_FALSE(MakePrivateFolder(root_ + "/shared"));
  EXPECT_EQ(ModeOf("/shared"), 0750);
}

TEST_F(FoldersTest, APathMayEndInASlashAndGoBack) {
  ASSERT_FALSE(MakePrivateFolder(root_ + "/a/../c/"));
  EXPECT_EQ(ModeOf("/c"), 0700);
  EXPECT_FALSE(fs::exists(root_ + "/a"));
}

TEST_F(FoldersTest, AFileIsNoFolder) {
  std::ofstream(root_ + "/file") << "x";
  EXPECT_EQ(MakePrivateFolder(root_ + "/file"), std::errc::not_a_directory);
  EXPECT_EQ(MakePrivateFolder(root_ + "/file/below"), std::errc::not_a_directory);
}

}  // namespace
}  // namespace skiff
