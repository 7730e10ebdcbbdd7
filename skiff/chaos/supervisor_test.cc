#include "skiff/chaos/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "skiff/chaos/machine.h"

namespace skiff::chaos {
namespace {

class ChaosSupervisorTest : public testing::Test {
 protected:
  ChaosSupervisorTest() { std::filesystem::create_directories(directory_); }
  ~ChaosSupervisorTest() override {
    std::filesystem::remove_all(directory_);
    std::filesystem::remove(begun_);
  }
  // One that is over as soon as it has begun; what it does then makes a file.
  Record Touching() const {
    Record record{
        .id = "x7k2p", .fault = Fault::kPartition, .target = "pod/a", .ends = 1ns, .plan = {}};
    record.plan.begin = {{.argv = {"touch", begun_}}};
    return record;
  }
  // Its exit code. Somebody waits for its word, or has ended meanwhile.
  int SuperviseFor(bool is_awaited) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      if (ends[0] != kHandedFd) close(ends[0]);
      dup2(ends[1], kHandedFd);
      if (ends[1] != kHandedFd) close(ends[1]);
      _exit(Supervise(directory_, "x7k2p"));
    }
    close(ends[1]);
    int status = 0;
    if (!is_awaited) close(ends[0]);
    waitpid(child, &status, 0);
    if (is_awaited) close(ends[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // Of the saved record, once that is on.
  ProcessId StartSupervisor() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      if (ends[0] != kHandedFd) close(ends[0]);
      dup2(ends[1], kHandedFd);
      if (ends[1] != kHandedFd) close(ends[1]);
      _exit(Supervise(directory_, "x7k2p"));
    }
    close(ends[1]);
    std::string said(64, '\0');
    said.resize(static_cast<size_t>(std::max<ssize_t>(read(ends[0], said.data(), said.size()), 0)));
    EXPECT_EQ(said, kIsOn);
    // Its reader has to be there until it has said so, no longer.
    close(ends[0]);
    return IdentifyProcess(child).value_or(ProcessId{});
  }
  const std::string directory_ =
      testing::TempDir() + "/skiff-supervisor-" + std::to_string(getpid());
  const std::string begun_ = directory_ + "-begun";
};

TEST_F(ChaosSupervisorTest, BeginsWhatSomebodyAsksForAndNothingElse) {
  ASSERT_TRUE(SaveRecord(directory_, Touching()));
  EXPECT_EQ(SuperviseFor(/*is_awaited=*/false), 1);
  EXPECT_FALSE(std::filesystem::exists(begun_)) << "whoever asked for it has been killed";
  EXPECT_FALSE(std::filesystem::exists(directory_)) << "with its last record";
  std::filesystem::create_directories(directory_);
  ASSERT_TRUE(SaveRecord(directory_, Touching()));
  EXPECT_EQ(SuperviseFor(/*is_awaited=*/true), 0);
  EXPECT_TRUE(std::filesystem::exists(begun_));
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(ChaosSupervisorTest, WhatHasBegunWhenNobodyWaitsForItAnyMoreIsUndone) {
  Record record = Touching();
  record.ends = SystemClock().Monotonic() + 1h;
  // Its asker goes while it begins.
  const std::string undone = begun_ + "-undone";
  record.plan.begin.push_back(
      {.argv = {"sh", "-c",
                "kill -KILL $ASKER; while [ -n \"$(ls -A /proc/$ASKER/fd)\" ]; do :; done"}});
  record.plan.end = {{.argv = {"touch", undone}}};
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t asker = fork();
  if (asker == 0) {
    while (true) pause();
  }
  setenv("ASKER", std::to_string(asker).c_str(), 1);
  ASSERT_TRUE(SaveRecord(directory_, record));
  close(ends[0]);  // The asker alone has it now.
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], kHandedFd);
    if (ends[1] != kHandedFd) close(ends[1]);
    _exit(Supervise(directory_, record.id));
  }
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  waitpid(asker, nullptr, 0);
  EXPECT_NE(status, 0);
  EXPECT_TRUE(std::filesystem::exists(undone));
  EXPECT_FALSE(std::filesystem::exists(RecordPath(directory_, record.id)));
  std::filesystem::remove(undone);
}

// As of a node's container, which no kernel starts again.
TEST_F(ChaosSupervisorTest, WhatStaysIsUndoneInTimeAlsoWhenNobodySupervisesIt) {
  Record record = Touching();
  const std::string undone = begun_ + "-undone";
  record.plan.end = {{.argv = {"touch", undone}}};
  record.plan.stays = true;
  const SystemClock clock;
  const auto stand_ins = [&] { return ProcessesWith(kStandInVariable, record.id).size(); };
  for (const int signal : {SIGTERM, SIGKILL}) {
    record.ends = clock.Monotonic() + (signal == SIGKILL ? Duration(5s) : Duration(1h));
    std::filesystem::create_directories(directory_);
    ASSERT_TRUE(SaveRecord(directory_, record));
    const ProcessId supervisor = StartSupervisor();
    EXPECT_GT(stand_ins(), 0u);
    EXPECT_FALSE(std::filesystem::exists(undone));
    SignalProcess(supervisor, signal);
    waitpid(supervisor.pid, nullptr, 0);
    const Duration patience = clock.Monotonic() + 20s;
    while (!std::filesystem::exists(undone) && clock.Monotonic() < patience) poll(nullptr, 0, 1);
    EXPECT_TRUE(std::filesystem::remove(undone)) << signal;
    while (stand_ins() > 0 && clock.Monotonic() < patience) poll(nullptr, 0, 1);
    EXPECT_EQ(stand_ins(), 0u);
  }
}

TEST_F(ChaosSupervisorTest, WhatOneThatWasKilledRanHasEndedBeforeItIsUndone) {
  const auto begin = [&](const std::string& id) {
    return SpawnDaemon({.argv = {"sleep", "1000"},
                        .log_path = directory_ + "/log",
                        .environment = {{kSupervisedVariable, id}}});
  };
  const auto left = begin("x7k2p");
  const auto others = begin("x7k2");
  ASSERT_TRUE(left && others);
  AwaitLeftBehind(Touching(), 20ms);
  EXPECT_FALSE(IsAlive(*left));
  EXPECT_TRUE(IsAlive(*others));
  EXPECT_TRUE(StopProcess(*others, 0ns));
}

}  // namespace
}  // namespace skiff::chaos
