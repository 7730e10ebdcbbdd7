// Child processes: run one to its end, or start one that outlives us. No shell is ever involved.
//
//   const auto output = TRY(RunProcess({.argv = {"iptables-save", "-t", "nat"}, .timeout = 5s}));
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct ProcessSpec {
  std::vector<std::string>
      argv;  // argv[0] without a slash is looked up in PATH and the sbin folders.
  std::string stdin_text;
  Duration timeout = std::chrono::seconds(30);
  size_t output_bytes_max = 16 << 20;  // Of each stream; what comes after is read and dropped.
  std::vector<std::pair<std::string, std::string>> environment;  // On top of our own.
  std::string working_directory;                                 // "": ours.
  // It talks to who runs us: it has our terminal and our stream in place of a pipe.
  bool keeps_stdin = false;
  bool keeps_stderr = false;
  // Called with each whole line of stdout as it comes, without its end; false: enough has been
  // seen, the program's group is killed and its exit code is 0.
  std::function<bool(std::string_view line)> on_line;
  // Called every kMeanwhilePeriod while the program runs: for what cannot wait until it has ended.
  std::function<void()> meanwhile;
  // Once it is stopped, the program's group is killed: kTimeout, within kMeanwhilePeriod.
  std::stop_token stop;
};
inline constexpr Duration kMeanwhilePeriod = std::chrono::milliseconds(50);

struct ProcessOutput {
  int exit_code = 0;  // 128 + signal when killed by one.
  std::string out;
  std::string err;
  bool truncated = false;
};

// Runs a program to its end. An exit code other than 0 is not an error here. Errors: kNotFound: no
// such program; kTimeout: its process group was killed, at its deadline or because it was stopped;
// kInternalError: no more processes, files.
// What the program leaves behind in the background is not waited for.
Result<ProcessOutput> RunProcess(const ProcessSpec& spec);

// The same, and an exit code other than 0 is an error that says what stderr said. Returns stdout.
Result<std::string> RunChecked(const ProcessSpec& spec);

// The full path of a program, or unset. Names with a slash must be executable as they are.
std::optional<std::string> FindProgram(const std::string& name);

// A process that cannot be mistaken for a later one with the same number.
struct ProcessId {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // Since boot; from /proc.
  bool operator==(const ProcessId&) const = default;
};

// Unset when no such process lives; a zombie does not, one whose first thread alone has ended does.
std::optional<ProcessId> IdentifyProcess(pid_t pid);
bool IsAlive(const ProcessId& process);
// Without effect on a process that is gone.
void SignalProcess(const ProcessId& process, int signal);
// True once it is gone; false when it still lives after `timeout`.
bool WaitUntilGone(const ProcessId& process, Duration timeout);
// Sends SIGTERM, after `grace` SIGKILL, and waits. False when even that did not end it within 10 s.
bool StopProcess(const ProcessId& process, Duration grace);

struct DaemonSpec {
  std::vector<std::string> argv;
  std::string log_path;  // stdout and stderr are appended here.
  // Written before this returns: "<pid>\n", and beside it, under this name and ".started", when
  // that process began, by which another one that gets its number is told apart. "": neither.
  std::string pid_path;
  std::vector<std::pair<std::string, std::string>> environment;
  // The process joins these cgroups before it runs: paths of their cgroup.procs files.
  std::vector<std::string> cgroup_procs_paths;
  int handed_fd = -1;  // A descriptor of ours that it gets as kHandedFd; -1: none.
};

inline constexpr int kHandedFd = 3;

// Starts a process that lives on when we die: in its own session, child of init, without our files,
// signal masks and working directory. Errors: kNotFound: no such program.
Result<ProcessId> SpawnDaemon(const DaemonSpec& spec);

// As SpawnDaemon writes it.
Result<> WritePidFile(const std::string& path, const ProcessId& process);
// What `pid_path` names, if that very process still lives.
std::optional<ProcessId> ReadPidFile(const std::string& path);

}  // namespace skiff
