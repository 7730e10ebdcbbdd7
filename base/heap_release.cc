#include "base/heap_release.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace skiff {

size_t ResidentBytes() {
  size_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

Duration HeapRelease::Step() {
  const size_t resident = ResidentBytes();
  const bool grown = resident > kept_ + kGrowthBytes;
  if (!grown && ++periods_ < pause_) {
    kept_ = std::min(kept_, resident);
    return kPeriod;
  }
  malloc_trim(0);
  kept_ = ResidentBytes();
  periods_ = 0;
  const bool worthwhile = grown || kept_ + kWorthwhileBytes < resident;
  pause_ = worthwhile ? kPausePeriods : std::min(2 * pause_, kPausePeriodsMax);
  return kPeriod;
}

}  // namespace skiff
