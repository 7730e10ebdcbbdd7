#include "skiff/process_start.h"

#include <unistd.h>

#include <fstream>
#include <string>

namespace skiff {

// By when the machine was booted: how long ago both were is another thing at each reading.
std::optional<TimePoint> StartOf(const ProcessId& process) {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;) {
    int64_t boot_s = 0;
    if (word != "btime" || !(in >> boot_s)) continue;
    const auto since_boot_s = static_cast<int64_t>(process.start_ticks) / sysconf(_SC_CLK_TCK);
    return TimePoint(std::chrono::seconds(boot_s + since_boot_s));
  }
  return std::nullopt;
}

}  // namespace skiff
