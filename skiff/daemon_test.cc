#include "skiff/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/program.h"
#include "skiff/ending_process.h"

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

// A daemon that is told to end, and takes its time.
TEST_F(DaemonTest, WhoEndsInGoodOrderIsNotTakenForADaemon) {
  int told[2];
  int goes_on[2];
  ASSERT_EQ(pipe(told), 0);
  ASSERT_EQ(pipe(goes_on), 0);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(goes_on[1]);
    BeginProgram({});
    auto lock = DataDirLock::TakeAsDaemon(directory_);
    if (!lock) _exit(1);
    lock->StartIsOver();
    char byte = 0;
    (void)!write(told[1], &byte, 1);
    const bool is_asked = WaitForSignal();
    (void)!write(told[1], &byte, 1);
    (void)!read(goes_on[0], &byte, 1);
    _exit(is_asked ? 0 : 1);
  }
  close(goes_on[0]);
  char byte = 0;
  ASSERT_EQ(read(told[0], &byte, 1), 1);
  const auto process = IdentifyProcess(child);
  ASSERT_TRUE(process);
  EXPECT_FALSE(IsEnding(*process));
  EXPECT_EQ(DaemonOf(directory_), process);
  kill(child, SIGTERM);
  EXPECT_TRUE(IsEnding(*process)) << "at once";
  ASSERT_EQ(read(told[0], &byte, 1), 1);
  EXPECT_TRUE(IsEnding(*process)) << "and as long as it does";
  auto daemon = std::async(std::launch::async, [&] { return DaemonOf(directory_); });
  auto lock = std::async(std::launch::async, [&] { return DataDirLock::Take(directory_); });
  EXPECT_EQ(daemon.wait_for(20ms), std::future_status::timeout) << "it is waited for";
  EXPECT_EQ(lock.wait_for(0ms), std::future_status::timeout);
  close(goes_on[1]);
  EXPECT_EQ(daemon.get(), std::nullopt);
  EXPECT_TRUE(lock.get());
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  for (const int file : {told[0], told[1]}) close(file);
}

// A process of two threads that has a data directory, and of which one thread, held in its end as
// one that frees much memory is, stays when it is killed.
class KilledTest : public DaemonTest {
 protected:
  ~KilledTest() override {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    LetEnd();
    waitpid(child_, nullptr, __WALL);
  }

  void Start(bool is_daemon) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) Hold(is_daemon, ends[1]);
    close(ends[1]);
    ASSERT_EQ(read(ends[0], &other_, sizeof other_), static_cast<ssize_t>(sizeof other_));
    close(ends[0]);
  }
  void Kill(bool is_first_held) {
    held_ = is_first_held ? child_ : other_;
    ASSERT_EQ(ptrace(PTRACE_SEIZE, held_, nullptr, PTRACE_O_TRACEEXIT), 0);
    kill(child_, SIGKILL);
    EXPECT_TRUE(IsEnding(*IdentifyProcess(child_))) << "at once";
    ASSERT_EQ(waitpid(held_, nullptr, __WALL), held_);
    // The one that is not held has gone, too.
    const std::string gone =
        fmt::format("/proc/{}/task/{}/fd", child_, is_first_held ? other_ : child_);
    while (!std::filesystem::is_empty(gone, error_) && !error_) std::this_thread::yield();
  }
  void LetEnd() { ptrace(PTRACE_DETACH, held_, nullptr, nullptr); }

  pid_t child_ = 0;
  pid_t other_ = 0;
  pid_t held_ = 0;

 private:
  [[noreturn]] void Hold(bool is_daemon, int told) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto lock = is_daemon ? DataDirLock::TakeAsDaemon(directory_) : DataDirLock::Take(directory_);
    if (!lock) _exit(1);
    lock->StartIsOver();
    const std::thread other([told] {
      const auto self = static_cast<pid_t>(syscall(SYS_gettid));
      (void)!write(told, &self, sizeof self);
      while (true) pause();
    });
    while (true) pause();
  }

  std::error_code error_;
};

TEST_F(KilledTest, IsNotTakenForADaemonWhileItEnds) {
  for (const bool is_first_held : {true, false}) {
    SCOPED_TRACE(is_first_held);
    Start(/*is_daemon=*/true);
    const auto child = IdentifyProcess(child_);
    ASSERT_TRUE(child);
    EXPECT_FALSE(IsEnding(*child));
    EXPECT_EQ(DaemonOf(directory_), child);
    Kill(is_first_held);
    EXPECT_TRUE(IsEnding(*child));
    const auto told = AwaitStartOf(directory_, *child);
    ASSERT_FALSE(told) << "it may hang";
    EXPECT_THAT(told.error().message,
                testing::HasSubstr("is ending, and has not ended after 30 s: nothing can"));
    auto daemon = std::async(std::launch::async, [&] { return DaemonOf(directory_); });
    auto running = std::async(std::launch::async, [&] { return RunningOn(directory_); });
    EXPECT_EQ(daemon.wait_for(20ms), std::future_status::timeout) << "it is waited for";
    LetEnd();
    EXPECT_EQ(daemon.get(), std::nullopt);
    EXPECT_EQ(running.get(), std::nullopt);
    EXPECT_FALSE(IsEnding(*child));
    waitpid(std::exchange(child_, 0), nullptr, __WALL);
    EXPECT_TRUE(DataDirLock::Take(directory_));
  }
}

TEST_F(KilledTest, LeavesTheDirectoryToWhoWaitsAlsoWhereItIsKnownByItsLockAlone) {
  for (const bool is_first_held : {true, false}) {
    SCOPED_TRACE(is_first_held);
    Start(/*is_daemon=*/false);
    EXPECT_FALSE(DataDirLock::Take(directory_)) << "it lives";
    Kill(is_first_held);
    auto lock = std::async(std::launch::async, [&] { return DataDirLock::Take(directory_); });
    EXPECT_EQ(lock.wait_for(20ms), std::future_status::timeout) << "it is waited for";
    LetEnd();
    EXPECT_TRUE(lock.get());
    waitpid(std::exchange(child_, 0), nullptr, __WALL);
  }
}

TEST(ToldIfInterruptedTest, WhoInterruptsAStartIsToldThatItGoesOn) {
  const auto interrupted = [] {
    std::signal(SIGINT, SIG_DFL);
    const ToldIfInterrupted told;
    raise(SIGINT);
  };
  EXPECT_EXIT(interrupted(), testing::ExitedWithCode(130), "goes on in the background");
}

}  // namespace
}  // namespace skiff
