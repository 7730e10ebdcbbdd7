#include "skiff/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>

namespace skiff {
namespace {

class DaemonTest : public testing::Test {
 protected:
  ~DaemonTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_ = testing::TempDir() + "/skiff-daemon-" + std::to_string(getpid());
};

// In a process of its own: it takes the signals of all.
[[noreturn]] void TellOfLeaving(const std::string& directory) {
  std::string order;
  const Start start = [&](const Progress&) -> Result<std::shared_ptr<void>> {
    kill(getpid(), SIGTERM);
    return std::shared_ptr<void>(&order, [&](void*) { order += "stopped "; });
  };
  const Leave leave{.first = [&](const Progress&) { order += "first "; },
                    .last = [&](const Progress&) -> Result<> {
                      order += "last";
                      return {};
                    }};
  const int code = RunAttached(directory, 0, start, leave);
  std::fprintf(stderr, "%s\n", order.c_str());
  _exit(code);
}

TEST_F(DaemonTest, WhatIsDoneFirstFindsAllStillRunning) {
  EXPECT_EXIT(TellOfLeaving(directory_), testing::ExitedWithCode(0), "first stopped last");
}

TEST_F(DaemonTest, WhoFindsAStartUnderWayWaitsForItsEnd) {
  EXPECT_EQ(AwaitStart(directory_, 1min, [] { FAIL() << "nobody starts there"; }),
            StartWait::kNone);
  for (const bool has_failed : {false, true}) {
    std::optional<DataDirLock> lock = std::move(*DataDirLock::Take(directory_));
    std::promise<void> waits;
    auto waited = std::async(std::launch::async, [&] {
      return AwaitStart(directory_, 1min, [&] { waits.set_value(); });
    });
    waits.get_future().wait();
    EXPECT_TRUE(IsStarting(directory_));
    EXPECT_EQ(waited.wait_for(0s), std::future_status::timeout);
    if (has_failed) {
      lock.reset();
    } else {
      lock->StartIsOver();
    }
    EXPECT_EQ(waited.get(), StartWait::kOver);
    EXPECT_FALSE(IsStarting(directory_));
    EXPECT_EQ(IsDataDirLocked(directory_), !has_failed);
    EXPECT_EQ(AwaitStart(directory_, 1min, [] { FAIL() << "it has started"; }), StartWait::kNone);
  }
}

TEST_F(DaemonTest, AStartThatHangsIsNotWaitedForForEver) {
  auto lock = DataDirLock::TakeAsDaemon(directory_);
  ASSERT_TRUE(lock) << lock.error().message;
  const ProcessId self = *IdentifyProcess(getpid());
  const auto waited = AwaitStartOf(directory_, self, 20ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().message,
            fmt::format("process {} is not usable after two minutes; its log is {}; `skiff down "
                        "--keep-data --data-dir={}` ends it",
                        getpid(), LogOf(directory_, self), directory_));
  lock->StartIsOver();
  EXPECT_TRUE(AwaitStartOf(directory_, self, 20ms));
}

TEST_F(DaemonTest, TheLogIsWhereThatProcessWrites) {
  const ProcessId self = *IdentifyProcess(getpid());
  ASSERT_FALSE(MakeDataDir(directory_));
  EXPECT_THAT(LogOf(directory_, self), testing::StartsWith("what process "));
  std::ofstream(LogPath(directory_)) << "of a start before";
  EXPECT_EQ(LogOf(directory_, self), LogPath(directory_));
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const int before = dup(STDERR_FILENO);
  dup2(ends[0], STDERR_FILENO);
  const std::string log = LogOf(directory_, self);
  dup2(before, STDERR_FILENO);
  for (const int file : {ends[0], ends[1], before}) close(file);
  EXPECT_EQ(log, fmt::format("journalctl _PID={}", getpid()));
}

// It has the directory before it has written who it is.
TEST_F(DaemonTest, WhoComesTooLateLearnsOfTheDaemonThatWasFaster) {
  const ProcessId self = *IdentifyProcess(getpid());
  const ProcessId late{.pid = self.pid, .start_ticks = self.start_ticks + 1};
  EXPECT_FALSE(DaemonBefore(directory_, late)) << "there is none";
  const auto lock = DataDirLock::Take(directory_);
  ASSERT_TRUE(lock) << lock.error().message;
  auto before = std::async(std::launch::async, [&] { return DaemonBefore(directory_, late); });
  EXPECT_EQ(before.wait_for(20ms), std::future_status::timeout);
  ASSERT_TRUE(WritePidFile(PidPath(directory_), self));
  EXPECT_EQ(before.get(), self);
  EXPECT_FALSE(DaemonBefore(directory_, self)) << "it is the late one itself";
}

// Of two that start at once, the one who comes too late holds for a moment what it looks for.
TEST_F(DaemonTest, AStartIsSeenWhoeverElseTriesMeanwhile) {
  ASSERT_FALSE(MakeDataDir(directory_));
  const int late = open((directory_ + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct flock shared {};
  shared.l_type = F_RDLCK;
  shared.l_whence = SEEK_SET;
  ASSERT_EQ(fcntl(late, F_OFD_SETLK, &shared), 0);
  const auto lock = DataDirLock::Take(directory_);
  ASSERT_TRUE(lock) << lock.error().message;
  close(late);
  EXPECT_TRUE(IsStarting(directory_));
}

}  // namespace
}  // namespace skiff
