#include "base/thread_slice.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace skiff {
namespace {

// struct sched_attr of sched_setattr(2), as far as it goes in all kernels. Not every libc has it,
// and those that have it do so under the kernel's name.
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // Of a thread of no special policy: its slice.
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
constexpr uint64_t kResetOnFork = 1;
constexpr int32_t kNiceMin = -20;

// False where this thread may not.
bool TakeShortSlicesAt(int32_t less_nice) {
  Attributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return true;
  if (attributes.policy != SCHED_OTHER && attributes.policy != SCHED_BATCH) return true;
  attributes.size = sizeof attributes;
  attributes.flags |= kResetOnFork;
  attributes.runtime_ns = kShortSlice.count();
  attributes.nice = std::max(kNiceMin, attributes.nice - less_nice);
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

}  // namespace

void TakeShortSlices() {
  (void)TakeShortSlicesAt(0);
}

void TakeShortSlicesAhead() {
  if (!TakeShortSlicesAt(kAheadNice)) TakeShortSlices();
}

}  // namespace skiff
