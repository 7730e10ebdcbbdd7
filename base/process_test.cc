#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace skiff {
namespace {

TEST(ProcessTest, WhatCannotWaitIsDoneWhileTheProgramRuns) {
  int calls = 0;
  const auto output = RunProcess({.argv = {"sleep", "0.3"}, .meanwhile = [&] { ++calls; }});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->exit_code, 0);
  EXPECT_GE(calls, 1);
  EXPECT_FALSE(RunProcess({.argv = {"sleep", "60"}, .timeout = 200ms, .meanwhile = [] {}}))
      << "nor has it more time by that";
}

// A folder of that name is none, and what lies in the working directory nobody has asked for.
TEST(ProcessTest, ProgramsAreThoseOfFoldersThatAreNamedWhole) {
  namespace fs = std::filesystem;
  const std::string folder = testing::TempDir() + "/programs-" + std::to_string(getpid());
  fs::create_directories(folder + "/first/skiff-test-tool");
  fs::create_directories(folder + "/second");
  for (const char* place : {"/skiff-test-tool", "/second/skiff-test-tool"}) {
    std::ofstream(folder + place) << "#!/bin/sh\n";
    fs::permissions(folder + place, fs::perms::owner_all);
  }
  const std::string path = std::getenv("PATH");
  const fs::path here = fs::current_path();
  fs::current_path(folder);
  setenv("PATH", (":.:second:" + folder + "/first").c_str(), 1);
  EXPECT_FALSE(FindProgram("skiff-test-tool"));
  setenv("PATH", (":" + folder + "/first:" + folder + "/second").c_str(), 1);
  EXPECT_EQ(FindProgram("skiff-test-tool"), folder + "/second/skiff-test-tool");
  EXPECT_EQ(FindProgram("./skiff-test-tool"), "./skiff-test-tool") << "that is asked for";
  setenv("PATH", path.c_str(), 1);
  fs::current_path(here);
  fs::remove_all(folder);
}

TEST(ProcessTest, FeedsStdinAndCapturesBothOutputsAndTheExitCode) {
  const std::string text(300'000, 'x');  // More than a pipe holds, so both directions must move.
  const auto output =
      RunProcess({.argv = {"sh", "-c", "cat; echo no >&2; exit 3"}, .stdin_text = text});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->out, text);
  EXPECT_EQ(output->err, "no\n");
  EXPECT_EQ(output->exit_code, 3);
  EXPECT_FALSE(output->truncated);
}

TEST(ProcessTest, TellsLinesAsTheyComeAndEndsTheProgramWhenTheyAreEnough) {
  std::vector<std::string> lines;
  const auto output = RunProcess({.argv = {"sh", "-c", "echo one; echo two; sleep 600"},
                                  .on_line = [&](std::string_view line) {
                                    lines.emplace_back(line);
                                    return line != "two";
                                  }});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->exit_code, 0);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST(ProcessTest, AnExitCodeIsAnErrorOnlyWhenAskedFor) {
  const auto out = RunChecked({.argv = {"sh", "-c", "echo broken >&2; exit 2"}});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().message, "sh: exit code 2: broken");
  EXPECT_EQ(RunChecked({.argv = {"printf", "%s", "fine"}}).value(), "fine");
}

TEST(ProcessTest, AMissingProgramIsNotFound) {
  const auto output = RunProcess({.argv = {"no-such-program-here"}});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().reason, Reason::kNotFound);
}

// Asked for a pass phrase there, nobody would answer.
TEST(ProcessTest, NoTerminalOfOursIsAskedForAnything) {
  const auto done = RunProcess({.argv = {"sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$"}});
  ASSERT_TRUE(done);
  const size_t end = done->out.find('\n');
  EXPECT_EQ(done->out.substr(0, end + 1), done->out.substr(end + 1)) << "session and pid";
}

TEST(ProcessTest, KillsTheWholeGroupAtTheDeadline) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "skiff_process_test";
  std::filesystem::create_directories(folder);
  const std::string pid_path = folder / "pid";
  const auto output = RunProcess(
      {.argv = {"sh", "-c", "sleep 1000 & echo $! > " + pid_path + "; wait"}, .timeout = 300ms});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().reason, Reason::kTimeout);
  pid_t sleeper = 0;
  std::ifstream(pid_path) >> sleeper;
  ASSERT_GT(sleeper, 0);
  const auto left = IdentifyProcess(sleeper);
  EXPECT_TRUE(!left || WaitUntilGone(*left, 5s));
  std::filesystem::remove_all(folder);
}

TEST(ProcessTest, KillsAtItsDeadlineWhoSaysSomethingAllTheTime) {
  ProcessSpec spec{.argv = {"cat", "/dev/zero"}, .timeout = 100ms};
  spec.output_bytes_max = 100;
  const auto output = RunProcess(spec);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().reason, Reason::kTimeout);
}

TEST(ProcessTest, KillsAProgramThatNobodyWaitsForAnyMore) {
  std::stop_source stop;
  ProcessSpec spec{.argv = {"sh", "-c", "echo begun; exec cat /dev/zero"}, .timeout = 1h};
  spec.output_bytes_max = 100;
  spec.stop = stop.get_token();
  spec.on_line = [&](std::string_view line) {
    if (line == "begun") stop.request_stop();
    return true;
  };
  const auto output = RunProcess(spec);  // It says something all the time.
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().reason, Reason::kTimeout);
  spec.argv = {"sleep", "1000"};  // This one never does.
  EXPECT_EQ(RunProcess(spec).error().message, "sleep: stopped before its end, killed");
}

TEST(ProcessTest, DropsOutputBeyondTheBound) {
  const auto output =
      RunProcess({.argv = {"sh", "-c", "head -c 100000 /dev/zero"}, .output_bytes_max = 1000});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out.size(), 1000u);
  EXPECT_TRUE(output->truncated);
}

TEST(ProcessTest, AChildThatDoesNotReadItsInputIsNoProblem) {
  const auto output = RunProcess({.argv = {"true"}, .stdin_text = std::string(1'000'000, 'x')});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->exit_code, 0);
}

TEST(ProcessTest, EnvironmentAndFolderAreSet) {
  const auto out = RunChecked({.argv = {"sh", "-c", "echo $GREETING; pwd"},
                               .environment = {{"GREETING", "hello"}},
                               .working_directory = "/usr"});
  EXPECT_EQ(out.value(), "hello\n/usr\n");
}

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() : folder_(std::filesystem::path(testing::TempDir()) / "skiff_daemon_test") {
    std::filesystem::create_directories(folder_);
  }
  ~DaemonTest() override { std::filesystem::remove_all(folder_); }
  const std::filesystem::path folder_;
};

TEST_F(DaemonTest, RunsInASessionOfItsOwnIsFoundAgainAndStops) {
  const DaemonSpec spec{
      .argv = {"sleep", "1000"}, .log_path = folder_ / "log", .pid_path = folder_ / "pid"};
  const auto daemon = SpawnDaemon(spec);
  ASSERT_TRUE(daemon) << daemon.error().message;
  EXPECT_EQ(getsid(daemon->pid) == getsid(0), false);
  EXPECT_EQ(ReadPidFile(spec.pid_path), *daemon);
  std::ifstream file(spec.pid_path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}),
            std::to_string(daemon->pid) + "\n")
      << "what `kill $(cat FILE)` needs, and no more";
  EXPECT_FALSE(WaitUntilGone(*daemon, 0ms));
  EXPECT_TRUE(StopProcess(*daemon, 5s));
  EXPECT_FALSE(IsAlive(*daemon));
  EXPECT_EQ(ReadPidFile(spec.pid_path), std::nullopt);
}

TEST_F(DaemonTest, GetsTheDescriptorThatItIsHanded) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const auto daemon = SpawnDaemon({.argv = {"sh", "-c", "echo hello >&3; exec sleep 1000"},
                                   .log_path = folder_ / "log",
                                   .handed_fd = ends[1]});
  close(ends[1]);
  ASSERT_TRUE(daemon) << daemon.error().message;
  char text[16] = {};
  EXPECT_EQ(read(ends[0], text, sizeof text), 6);
  EXPECT_STREQ(text, "hello\n");
  // Its end closes the pipe: nobody else has it.
  EXPECT_TRUE(StopProcess(*daemon, 5s));
  EXPECT_EQ(read(ends[0], text, sizeof text), 0);
  close(ends[0]);
}

TEST_F(DaemonTest, SaysWhenItCannotBeStarted) {
  std::ofstream(folder_ / "broken") << "not a program";
  std::filesystem::permissions(folder_ / "broken", std::filesystem::perms::all);
  EXPECT_FALSE(SpawnDaemon({.argv = {folder_ / "broken"}, .log_path = folder_ / "log"}));
  const auto missing = SpawnDaemon({.argv = {"no-such-program"}, .log_path = folder_ / "log"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::kNotFound);
}

TEST(ProcessIdTest, OneWhoseFirstThreadHasEndedLivesAsLongAsAnotherDoes) {
  const pid_t child = fork();
  if (child == 0) {
    const std::thread other([] {
      while (true) pause();
    });
    syscall(SYS_exit, 0);  // Of this thread alone.
  }
  const auto stat_of = [&] {
    std::ifstream in("/proc/" + std::to_string(child) + "/stat");
    std::string line;
    std::getline(in, line);
    return line;
  };
  while (stat_of().find(") Z ") == std::string::npos) poll(nullptr, 0, 1);
  const auto process = IdentifyProcess(child);
  ASSERT_TRUE(process);
  EXPECT_TRUE(IsAlive(*process));
  EXPECT_FALSE(WaitUntilGone(*process, 0ms));
  EXPECT_TRUE(StopProcess(*process, 10s));
  EXPECT_FALSE(IsAlive(*process)) << "nobody has heard of its end yet";
  waitpid(child, nullptr, 0);
}

TEST(ProcessIdTest, ARecycledNumberIsAnotherProcess) {
  const ProcessId self = IdentifyProcess(getpid()).value();
  EXPECT_TRUE(IsAlive(self));
  const ProcessId earlier{.pid = self.pid, .start_ticks = self.start_ticks - 1};
  EXPECT_FALSE(IsAlive(earlier));
  SignalProcess(earlier, SIGKILL);  // We are still here.
  EXPECT_TRUE(WaitUntilGone(earlier, 0ms));
}

}  // namespace
}  // namespace skiff
