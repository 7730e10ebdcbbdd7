#include "cli/compose/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace skiff::cli::compose {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;

class DiskFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/files-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    fs::create_directories(directory_ + "/conf/more");
    for (const char* file : {"/secret", "/conf/a", "/conf/more/b"}) {
      std::ofstream(directory_ + file) << file;
    }
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string directory_;
  const DiskFiles files_;
};

TEST_F(DiskFilesTest, FindsWhatIsBelowAFolder) {
  fs::create_symlink("more/b", directory_ + "/conf/link");
  fs::create_symlink("nowhere", directory_ + "/conf/dead");
  const auto below = files_.Below(directory_ + "/conf", 10);
  ASSERT_TRUE(below) << below.error().message;
  EXPECT_THAT(below->files, ElementsAre("a", "link", "more/b"));
  EXPECT_THAT(below->others, ElementsAre("dead"));
  EXPECT_FALSE(files_.Below(directory_ + "/conf", 2));
}

TEST_F(DiskFilesTest, TellsOfWhatIsNeitherAFileNorAFolder) {
  fs::create_directory_symlink("more", directory_ + "/conf/current");
  ASSERT_EQ(mkfifo((directory_ + "/conf/more/pipe").c_str(), 0600), 0);
  const auto below = files_.Below(directory_ + "/conf", 10);
  ASSERT_TRUE(below) << below.error().message;
  EXPECT_THAT(below->files, ElementsAre("a", "more/b"));
  EXPECT_THAT(below->others, ElementsAre("current", "more/pipe"));
}

TEST_F(DiskFilesTest, WhatIsNoFileIsNotReadButForTheOneThatIsEmpty) {
  ASSERT_EQ(mkfifo((directory_ + "/pipe").c_str(), 0600), 0);
  const auto pipe = files_.Read(directory_ + "/pipe", 10);
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().message, "it is no regular file");
  const auto nothing = files_.Read("/dev/null", 10);
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(*nothing, "");
}

TEST_F(DiskFilesTest, SaysWhereAPathReallyLeads) {
  const std::string real = fs::canonical(directory_);
  fs::create_directory_symlink("conf", directory_ + "/link");
  EXPECT_EQ(files_.Real(directory_ + "/link/more/b"), real + "/conf/more/b");
  EXPECT_EQ(files_.Real(directory_ + "/link/none/x"), real + "/conf/none/x");
  EXPECT_EQ(files_.Real("/no/such/../folder"), "/no/folder");
}

// A project that somebody got from elsewhere has such a link; what it leads to is his own.
TEST_F(DiskFilesTest, ALinkOutOfAFolderTakesNothingAlong) {
  for (const std::string& target : {std::string("../../secret"), directory_ + "/secret"}) {
    fs::create_symlink(target, directory_ + "/conf/more/key");
    const auto below = files_.Below(directory_ + "/conf", 10);
    ASSERT_FALSE(below) << target;
    EXPECT_EQ(below.error().message, "more/key is a link that leads out of it");
    fs::remove(directory_ + "/conf/more/key");
  }
  fs::create_directory_symlink("../..", directory_ + "/conf/more/up");
  const auto below = files_.Below(directory_ + "/conf", 10);
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().message, "more/up is a link that leads out of it");
}

}  // namespace
}  // namespace skiff::cli::compose
