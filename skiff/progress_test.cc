#include "skiff/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "skiff/daemon.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using End = StartOutcome::End;

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~ProgressTest() override { close(ends_[0]); }
  StartOutcome Follow(Duration timeout = 10s) {
    return FollowProgress(ends_[0], timeout,
                          [this](const std::string& line) { lines_.push_back(line); });
  }
  int ends_[2];
  std::vector<std::string> lines_;
};

TEST_F(ProgressTest, LinesAreShownUntilTheClusterIsUsable) {
  std::jthread daemon([this] {
    ProgressWriter writer(ends_[1]);
    writer.Say("one");
    writer.Say("two");
    writer.Usable();
  });
  EXPECT_EQ(Follow().end, End::kUsable);
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
}

TEST_F(ProgressTest, AnErrorMayHaveSeveralLines) {
  std::jthread daemon([this] {
    ProgressWriter writer(ends_[1]);
    writer.Say("one");
    writer.Failed("this\nand that");
  });
  const auto outcome = Follow();
  EXPECT_EQ(outcome.end, End::kFailed);
  EXPECT_EQ(outcome.error, "this\nand that");
  EXPECT_THAT(lines_, ElementsAre("one"));
}

TEST_F(ProgressTest, ADaemonThatDiesIsNoticedAtOnce) {
  std::jthread daemon([this] { ProgressWriter(ends_[1]).Say("one"); });
  EXPECT_EQ(Follow(1h).end, End::kDied);
  EXPECT_THAT(lines_, ElementsAre("one"));
}

TEST_F(ProgressTest, SomebodyWhoSaysNothingIsNotWaitedForForEver) {
  EXPECT_EQ(Follow(10ms).end, End::kTimedOut);
  close(ends_[1]);
}

TEST(ShowProgressTest, APipeGetsNoneOfItAndWhatOneHasToKnowIsOnStandardError) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  ShowProgress("starting the API server");
  ShowProgress("note: haproxy does not end");
  ShowProgress("warning: the clock is off");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "note: haproxy does not end\nwarning: the clock is off\n");
}

// A server that nobody has verified yet may have written it.
TEST(ShowProgressTest, NoControlCharacterOfOthersReachesATerminal) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  ShowProgress("warning: \x1b]0;title\x07");
  EXPECT_EQ(Complain("it says: \x1b[2J\r\xc2\x9b"
                     "31m\nso"),
            1);
  ProgressWriter(-1).Say("waiting: \x1b[1A");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: \\x1b]0;title\\x07\nerror: it says: \\x1b[2J\\x0d\\u009b31m\nso\n");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "waiting: \\x1b[1A\n");
}

TEST(ShowProgressTest, ATerminalShowsAllOfIt) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(master, 0);
  ASSERT_EQ(grantpt(master) + unlockpt(master), 0);
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  std::fflush(stdout);
  const int before = dup(STDOUT_FILENO);
  dup2(terminal, STDOUT_FILENO);
  ShowProgress("starting the API server");
  ShowProgress("note: haproxy does not end");
  dup2(before, STDOUT_FILENO);
  std::string shown;
  char text[200];
  ssize_t count = 0;
  while (std::count(shown.begin(), shown.end(), '\n') < 2 &&
         (count = read(master, text, sizeof text)) > 0) {
    shown.append(text, static_cast<size_t>(count));
  }
  EXPECT_EQ(shown, "  starting the API server\r\n  note: haproxy does not end\r\n");
  for (const int file : {before, terminal, master}) close(file);
}

TEST(PathAsTypedTest, IsAbsoluteAndEndsWithoutSlash) {
  EXPECT_EQ(PathAsTyped("/tmp/skiff"), "/tmp/skiff");
  EXPECT_EQ(PathAsTyped("/tmp/x/../skiff/"), "/tmp/skiff") << "as shells complete folders";
  EXPECT_EQ(PathAsTyped("/"), "/");
  EXPECT_EQ(PathAsTyped(""), "") << "none is given";
  EXPECT_THAT(PathAsTyped("skiff/"),
              testing::AllOf(testing::StartsWith("/"), testing::EndsWith("/skiff")));
}

// As systemd listens to its services.
TEST(ServiceManagerTest, IsToldOnceAndNotByWhatWeStart) {
  const std::string path = testing::TempDir() + "/skiff-notify-" + std::to_string(getpid());
  const int heard = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(heard, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_FALSE(ServiceManager().is_there());
  ServiceManager().TellUsable();
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const ServiceManager manager;
  EXPECT_TRUE(manager.is_there());
  EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr);
  manager.TellUsable();
  char text[100] = {};
  EXPECT_GT(recv(heard, text, sizeof text - 1, MSG_DONTWAIT), 0);
  EXPECT_THAT(text, testing::StartsWith("READY=1\n"));
  EXPECT_LT(recv(heard, text, sizeof text - 1, MSG_DONTWAIT), 0) << "nobody else did";
  close(heard);
  unlink(path.c_str());
}

}  // namespace
}  // namespace skiff
