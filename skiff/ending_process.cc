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

// Before: whoever sends SIGKILL has left it with each thread when it goes on.
bool IsKilled(const std::string& thread) {
  constexpr uint64_t kKill = uint64_t{1} << (SIGKILL - 1);
  std::ifstream in(thread + "/status");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) continue;
    uint64_t pending = 0;
    std::istringstream(line.substr(line.find(':') + 1)) >> std::hex >> pending;
    if ((pending & kKill) != 0) return true;
  }
  return false;
}

}  // namespace

bool IsEnding(const ProcessId& process) {
  bool is_seen = false;
  std::error_code error;
  // The signal first: it is pending until the flag is there.
  for (fs::directory_iterator each(fmt::format("/proc/{}/task", process.pid), error), end;
       !error && each != end; each.increment(error)) {
    const std::string thread = each->path();
    if (!IsKilled(thread) && !HasEndingFlag(thread)) return false;
    is_seen = true;
  }
  return is_seen && IsAlive(process);
}

}  // namespace skiff
