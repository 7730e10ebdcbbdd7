#include "base/whole_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace skiff {
namespace {

namespace fs = std::filesystem;

class WholeFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "whole-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(const char* name) const { return folder_ + "/" + name; }
  static std::string TextOf(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string folder_;
};

TEST_F(WholeFileTest, AFileIsReplacedAsAWhole) {
  for (const char* text : {"first, and longer", "second"}) {
    const auto written = WriteWholeFile(Path("key"), text, 0600);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(TextOf(Path("key")), text);
    EXPECT_EQ(fs::status(Path("key")).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
  }
  EXPECT_FALSE(fs::exists(Path("key.new")));
}

TEST_F(WholeFileTest, NoSecretGoesWhereSomebodyElseHasPutALink) {
  std::ofstream(Path("theirs")) << "theirs";
  fs::create_symlink(Path("theirs"), Path("key.new"));
  ASSERT_TRUE(WriteWholeFile(Path("key"), "secret", 0600));
  EXPECT_EQ(TextOf(Path("theirs")), "theirs");
  EXPECT_EQ(TextOf(Path("key")), "secret");
  EXPECT_FALSE(fs::is_symlink(Path("key")));
}

TEST_F(WholeFileTest, NoSecretGoesIntoAFileThatSomebodyElseHasOpen) {
  const int theirs = open(Path("key.new").c_str(), O_RDWR | O_CREAT, 0666);
  ASSERT_GE(theirs, 0);
  ASSERT_TRUE(WriteWholeFile(Path("key"), "secret", 0600));
  char read_there[16] = {};
  EXPECT_EQ(pread(theirs, read_there, sizeof read_there, 0), 0);
  close(theirs);
  EXPECT_EQ(fs::status(Path("key")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(WholeFileTest, WhatIsThereAndCannotBeReadIsNotMissing) {
  const auto none = ReadWholeFile(Path("none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, Reason::kNotFound);
  EXPECT_EQ(none.error().message, "open " + Path("none") + ": no such file or directory");
  fs::create_directory(Path("folder"));
  const auto folder = ReadWholeFile(Path("folder"));
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().reason, Reason::kNotFound);
  EXPECT_EQ(folder.error().message, "read " + Path("folder") + ": is a directory");
}

TEST_F(WholeFileTest, OfALogTheLastBytesAreShown) {
  std::ofstream(Path("log")) << "begins\nends\n";
  EXPECT_EQ(ReadEndOfFile(Path("log"), 5), "ends\n");
  EXPECT_EQ(ReadEndOfFile(Path("log"), 100), "begins\nends\n");
  EXPECT_EQ(ReadEndOfFile(Path("none"), 5), "");
  EXPECT_EQ(ReadEndOfFile(folder_, 5), "");
}

TEST_F(WholeFileTest, AUsersFileStaysWhereItIsAndItsOwners) {
  fs::create_directory(Path("dotfiles"));
  std::ofstream(Path("dotfiles/config")) << "before";
  chmod(Path("dotfiles/config").c_str(), 0640);
  fs::create_symlink("dotfiles/config", Path("config"));
  constexpr uid_t kSomebody = 12345;
  if (geteuid() == 0) {
    ASSERT_EQ(chown(Path("dotfiles/config").c_str(), kSomebody, kSomebody), 0);
  }
  ASSERT_TRUE(WriteUsersFile(Path("config"), "after", 0600));
  EXPECT_TRUE(fs::is_symlink(Path("config")));
  EXPECT_EQ(TextOf(Path("dotfiles/config")), "after");
  struct stat there {};
  ASSERT_EQ(stat(Path("dotfiles/config").c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0640u);
  EXPECT_EQ(there.st_uid, geteuid() == 0 ? kSomebody : geteuid());
  ASSERT_TRUE(WriteUsersFile(Path("new"), "first", 0600));
  EXPECT_EQ(fs::status(Path("new")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(WholeFileTest, AUsersFileThatMayNotBeWrittenIsNotReplaced) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write all";
  std::ofstream(Path("config")) << "before";
  chmod(Path("config").c_str(), 0400);
  const auto written = WriteUsersFile(Path("config"), "after", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "open " + Path("config") + ": permission denied");
  EXPECT_EQ(TextOf(Path("config")), "before");
}

TEST_F(WholeFileTest, WhatIsNoFileIsWrittenIntoAndNotReplaced) {
  const std::string pipe = Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const auto written = WriteUsersFile(pipe, "text", 0600);
  EXPECT_TRUE(written) << written.error().message;
  char bytes[16];
  EXPECT_EQ(read(reader, bytes, sizeof bytes), 4);
  close(reader);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_TRUE(WriteUsersFile("/dev/null", "text", 0600));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_FALSE(WriteUsersFile(folder_, "text", 0600)) << "a folder";
}

TEST_F(WholeFileTest, WhatCannotBeWrittenIsSaid) {
  EXPECT_FALSE(WriteWholeFile(Path("none/key"), "secret", 0600));
  fs::create_directory(Path("key.new"));
  EXPECT_FALSE(WriteWholeFile(Path("key"), "secret", 0600));
}

}  // namespace
}  // namespace skiff
