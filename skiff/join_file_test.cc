#include "skiff/join_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace skiff {
namespace {

class JoinFileTest : public testing::Test {
 protected:
  ~JoinFileTest() override { std::filesystem::remove(path_); }
  const std::string path_ = testing::TempDir() + "/skiff-join-file-" + std::to_string(getpid());
};

TEST_F(JoinFileTest, WhatIsWrittenIsReadByItsOwnerAlone) {
  const JoinFile file = {{"abcdef", "0123456789abcdef"}, "sha256:12"};
  ASSERT_TRUE(WriteJoinFile(path_, file));
  const auto read = ReadJoinFile(path_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->token.Text(), file.token.Text());
  EXPECT_EQ(read->authority_pin, "sha256:12");
  struct stat found {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(JoinFileTest, OneThatIsMissingOrHalfIsSaidToBe) {
  EXPECT_EQ(ReadJoinFile(path_).error().reason, Reason::kNotFound);
  FakeClock clock;
  EXPECT_EQ(AwaitJoinFile(path_, clock, 0s).error().reason, Reason::kNotFound);
  std::ofstream(path_) << "token abcdef.0123456789abcdef\n";
  EXPECT_EQ(ReadJoinFile(path_).error().reason, Reason::kInvalid) << "who is the server?";
  std::ofstream(path_) << "token x\nca-hash sha256:12\n";
  EXPECT_EQ(ReadJoinFile(path_).error().reason, Reason::kInvalid);
}

}  // namespace
}  // namespace skiff
