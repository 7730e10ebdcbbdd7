#include "skiff/ending_process.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace skiff {
namespace {

namespace fs = std::filesystem;

// From when the kernel has taken the signal up. The same in each version of it: PF_EXITING,
// PF_DUMPCORE and PF_SIGNALED.
bool HasEndingFlag(const std::string& thread) {
  constexpr uint64_t kEnding = 0x4 | 0x200 | 0x400;
  std::ifstream in(thread + "/stat");
  std::string line;
  if (!std::getline(in, line)) return true;  // It is gone.
  // The second field is the name in parentheses, which may hold anything.
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::string field;
  uint64_t flags = 0;
  for (int number = 3; number < 9; ++number) rest >> field;
  return rest >> flags && (flags & kEnding) != 0;
}

// Of the signals that are pending for a thread or its process: a bit each.
uint64_t PendingSignals(const std::string& thread) {
  std::ifstream in(thread + "/status");
  uint64_t all = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) continue;
    uint64_t pending = 0;
    std::istringstream(line.substr(line.find(':') + 1)) >> std::hex >> pending;
    all |= pending;
  }
  return all;
}

constexpr uint64_t Bit(int signal) {
  return uint64_t{1} << (signal - 1);
}
// Whoever sends SIGKILL has left it with each thread when it goes on.
constexpr uint64_t kKill = Bit(SIGKILL);
// With our programs these stay until they have ended (WaitForSignal, EndProgram).
constexpr uint64_t kTold = Bit(SIGTERM) | Bit(SIGINT) | Bit(SIGUSR1);

}  // namespace

bool IsEnding(const ProcessId& process) {
  bool has_threads = false;
  bool is_told = false;
  bool is_dying = true;
  std::error_code error;
  // The signal first: it is pending until the flag is there.
  for (fs::directory_iterator each(fmt::format("/proc/{}/task", process.pid), error), end;
       !error && each != end; each.increment(error)) {
    const std::string thread = each->path();
    const uint64_t pending = PendingSignals(thread);
    has_threads = true;
    is_told = is_told || (pending & kTold) != 0;
    is_dying = is_dying && ((pending & kKill) != 0 || HasEndingFlag(thread));
  }
  return has_threads && (is_told || is_dying) && IsAlive(process);
}

}  // namespace skiff
