#include "base/heap_release.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "base/program_pages.h"

// jemalloc's, where that is linked (cmake/toolchain.cmake).
extern "C" {
int mallctl(const char* name, void* old_value, size_t* old_bytes, void* new_value, size_t new_bytes)
    __attribute__((weak));
// Read before main(). Few threads allocate at once, and each arena keeps pages of its own; each of
// our many threads, of which most wait, keeps what it freed, so let that be few of larger pieces.
// An object is some hundred small ones, which one thread makes and another frees: of those a thread
// keeps what it takes to be done with one without going to an arena.
// But let it be pieces of any kind that requests come in: what objects, records of TLS and the
// compressor of RocksDB's files take, all below 32 KiB, costs many times as much from an arena, and
// a page of it a fault each time. Pages that nobody uses go back after some seconds: what is
// written fills the memory of RocksDB anew about once a second.
extern const char* malloc_conf;
const char* malloc_conf =
    "narenas:2,tcache_max:32768,tcache_nslots_small_min:4,tcache_nslots_small_max:200,"
    "tcache_nslots_large:4,dirty_decay_ms:5000,muzzy_decay_ms:0";
}

namespace skiff {
namespace {

constexpr Duration kCachePeriod = 1s;
// Pages that went are to be cleared when they are needed again: that may cost a few percent.
constexpr Duration kLargeWorkPeriod = 50ms;

std::atomic<bool> large_work = false;

void GiveBackFreePages() {
  // 4096 stands for all arenas.
  if (mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
  else malloc_trim(0);
}

void GiveBackAfterLargeWork(Duration now) {
  static std::atomic<Duration::rep> next = 0;
  auto due = next.load(std::memory_order_relaxed);
  if (now.count() < due) return;
  if (!next.compare_exchange_strong(due, (now + kLargeWorkPeriod).count())) return;
  large_work.store(false, std::memory_order_relaxed);
  GiveBackFreePages();
}

}  // namespace

void NoteWorkOn(size_t bytes) {
  if (bytes >= kLargeBytes) large_work.store(true, std::memory_order_relaxed);
}

void ReleaseThreadCache() {
  thread_local Duration released = Duration::min();
  const Duration now = SystemClock().Monotonic();
  if (large_work.load(std::memory_order_relaxed)) GiveBackAfterLargeWork(now);
  if (mallctl == nullptr || (released != Duration::min() && now - released < kCachePeriod)) return;
  released = now;
  mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
}

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
  if (!grown) {
    LetGoOfProgramPages();
    kept_ = std::min(kept_, ResidentBytes());
  }
  return kPeriod;
}

}  // namespace skiff
