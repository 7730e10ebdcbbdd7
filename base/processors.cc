#include "base/processors.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace skiff {
namespace {

constexpr int kProcessorsMax = 1 << 16;

}  // namespace

int UsableProcessors() {
  // The kernel refuses a set that has no room for all that it knows.
  for (int room = CPU_SETSIZE; room <= kProcessorsMax; room *= 2) {
    cpu_set_t* const set = CPU_ALLOC(room);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(room);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const bool too_small = !known && errno == EINVAL;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
    if (!too_small) break;
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace skiff
