#include "base/heap_release.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

// jemalloc's, where that is linked (cmake/toolchain.cmake).
extern "C" {
int mallctl(const char* name, void* old_value, size_t* old_bytes, void* new_value, size_t new_bytes)
    __attribute__((weak));
// Read before main(). Few threads allocate at once, and each arena keeps pages of its own; each of
// our many threads, of which most wait, keeps what it freed, so let that be little. Pages that
// nobody uses go back after a second.
extern const char* malloc_conf;
const char* malloc_conf = "narenas:2,tcache_max:512,tcache_nslots_small_max:32,"
                          "dirty_decay_ms:1000,muzzy_decay_ms:0";
}

namespace skiff {
namespace {

void GiveBackFreePages() {
  // 4096 stands for all arenas.
  if (mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
  else malloc_trim(0);
}

}  // namespace

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
  GiveBackFreePages();
  kept_ = ResidentBytes();
  periods_ = 0;
  const bool worthwhile = grown || kept_ + kWorthwhileBytes < resident;
  pause_ = worthwhile ? kPausePeriods : std::min(2 * pause_, kPausePeriodsMax);
  return kPeriod;
}

}  // namespace skiff
