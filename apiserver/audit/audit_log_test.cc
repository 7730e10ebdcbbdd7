#include "apiserver/audit/audit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "apiserver/audit/audit_test_log.h"

namespace skiff {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> Open(AuditFileOptions options = {}) {
    if (options.path.empty()) options.path = files_.path();
    auto log = AuditLog::Open(options, clock_);
    EXPECT_TRUE(log) << (log ? "" : log.error().message);
    return *std::move(log);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(files_.folder())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // A megabyte, so that one file holds no two.
  static std::string LargeLine(char letter) { return std::string((1 << 20) - 1, letter) + '\n'; }

  AuditTestLog files_;
  FakeClock clock_;
};

TEST_F(AuditLogTest, LinesAreWrittenInOrderAndToTheSameFileAgain) {
  auto log = Open();
  log->Write("a\n");
  log->Write("b\n");
  EXPECT_EQ(files_.Text(), "") << "whoever writes a line waits for no disk";
  log->Step();
  EXPECT_EQ(files_.Text(), "a\nb\n");
  log->Write("c\n");
  log = nullptr;
  EXPECT_EQ(files_.Text(), "a\nb\nc\n") << "what waits at the end is not lost";
  log = Open();
  log->Write("d\n");
  log->Step();
  EXPECT_EQ(files_.Text(), "a\nb\nc\nd\n");
}

TEST_F(AuditLogTest, TheFileAndItsFolderAreForNobodyElse) {
  const std::string path = files_.folder() / "logs" / "audit.log";
  const auto log = Open({.path = path});
  struct stat facts {};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((files_.folder() / "logs").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
}

TEST_F(AuditLogTest, AFileThatIsFullGetsADateAndTheOldestGo) {
  const auto log = Open({.backups_max = 2, .megabytes_max = 1});
  std::vector<std::string> dated;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    log->Write(LargeLine(letter));
    log->Step();
    clock_.Advance(1s);
  }
  const auto names = Names();
  ASSERT_EQ(names.size(), 3u) << "two older ones";
  EXPECT_EQ(names[2], "audit.log");
  EXPECT_EQ(names[0].size(), std::string("audit-2026-01-02T15-04-05.000.log").size());
  EXPECT_EQ(files_.Text()[0], 'd');
}

TEST_F(AuditLogTest, LinesThatComeAtOnceAreNotTorn) {
  const auto log = Open({.megabytes_max = 1});
  log->Write("first\n");
  log->Write(LargeLine('x'));
  log->Write("last\n");
  log->Step();
  const auto names = Names();
  ASSERT_EQ(names.size(), 3u) << "a date apart";
  EXPECT_EQ(files_.Text(), "last\n");
}

TEST_F(AuditLogTest, AFileThatCannotGetADateGoesOn) {
  // With a date the name is longer than the file system takes.
  const std::string path = files_.folder() / (std::string(245, 'n') + ".log");
  const auto log = Open({.path = path, .megabytes_max = 1});
  for (const char letter : {'a', 'b'}) log->Write(LargeLine(letter));
  log->Step();
  log->Write("last\n");
  log->Step();
  EXPECT_EQ(log->lost(), 0u);
  EXPECT_EQ(Names().size(), 1u);
  EXPECT_EQ(std::filesystem::file_size(path), (2u << 20) + 5);
}

TEST_F(AuditLogTest, FilesThatAreTooOldGo) {
  const auto log = Open({.days_max = 1, .megabytes_max = 1});
  log->Write(LargeLine('a'));
  log->Write(LargeLine('b'));
  log->Step();
  EXPECT_EQ(Names().size(), 2u);
  clock_.Advance(std::chrono::hours(25));
  log->Write(LargeLine('c'));
  log->Step();
  EXPECT_EQ(Names().size(), 2u) << "the first is older than a day";
}

TEST_F(AuditLogTest, WhoeverFindsNoRoomWaitsOrLosesTheLine) {
  const std::string half(AuditLog::kWaitingBytesMax / 2, 'x');
  const auto waiting = Open();
  waiting->Write(half);
  EXPECT_TRUE(waiting->HasRoom());
  waiting->Write(half);
  EXPECT_FALSE(waiting->HasRoom());
  std::jthread other([&] { waiting->Step(); });
  waiting->AwaitRoom();
  EXPECT_TRUE(waiting->HasRoom());
  EXPECT_EQ(waiting->lost(), 0u);
  other.join();

  const auto dropping = Open({.drops_lines = true});
  dropping->Write(half);
  dropping->Write(half);
  EXPECT_TRUE(dropping->HasRoom());
  dropping->Write("lost\n");
  EXPECT_EQ(dropping->lost(), 1u);
}

}  // namespace
}  // namespace skiff
