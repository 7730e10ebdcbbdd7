#include "skiff/move_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace skiff {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class MoveFileTest : public testing::Test {
 protected:
  MoveFileTest() {
    std::filesystem::create_directories(here_);
    std::filesystem::create_directories(there_);
    std::ofstream(here_ + "/a") << "text";
  }
  ~MoveFileTest() override {
    std::filesystem::remove_all(here_);
    std::filesystem::remove_all(there_);
  }
  const std::string here_ = testing::TempDir() + "/skiff-move-" + std::to_string(getpid());
  const std::string there_ = "/dev/shm/skiff-move-" + std::to_string(getpid());
};

TEST_F(MoveFileTest, AFileGoesToAnotherDisk) {
  struct stat here, there;
  ASSERT_EQ(stat(here_.c_str(), &here), 0);
  ASSERT_EQ(stat(there_.c_str(), &there), 0);
  if (here.st_dev == there.st_dev) GTEST_SKIP() << "this machine has one disk alone";
  const auto moved = MoveFile(here_ + "/a", there_ + "/b");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(ReadText(there_ + "/b"), "text");
  EXPECT_FALSE(std::filesystem::exists(here_ + "/a"));
  EXPECT_FALSE(std::filesystem::exists(there_ + "/b.new"));
}

TEST_F(MoveFileTest, AFileGoesToAnotherDirectory) {
  ASSERT_TRUE(MoveFile(here_ + "/a", here_ + "/b"));
  EXPECT_EQ(ReadText(here_ + "/b"), "text");
  const auto gone = MoveFile(here_ + "/a", here_ + "/c");
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace skiff
