// Gives freed memory back to the machine.
//
// An allocator keeps what is freed for whoever allocates next, and gives it back, if ever, when
// somebody allocates again. After a few requests of the largest kind a program that then rests
// would hold a gigabyte that it does not use, for ever.
#pragma once

#include <cstddef>

#include "base/control_loop.h"

namespace skiff {

// Bytes of memory that this process has.
size_t ResidentBytes();

// Gives back to all threads what this one keeps of what it freed, once a second at most. Called by
// who runs many pieces of work, after each: most of our threads sleep, nearly always.
void ReleaseThreadCache();

// Somebody worked on something of that many bytes. To read, judge and write a large object takes
// many times its size, and the allocator keeps what was freed of it for seconds: the process would
// seem to need all of that. After a large one (kLargeBytes) the next call of ReleaseThreadCache, by
// whichever thread, gives it back to the machine, some times a second at most.
inline constexpr size_t kLargeBytes = 256 << 10;
void NoteWorkOn(size_t bytes);

class HeapRelease final : public ControlLoop {
 public:
  // Gives back when the process has grown, and now and then, for what was still in use then: more
  // and more seldom while that finds nothing. Pages of code that only the start needed, too.
  Duration Step() override;

 private:
  static constexpr size_t kGrowthBytes = 64 << 20;
  static constexpr size_t kWorthwhileBytes = 16 << 20;
  static constexpr Duration kPeriod = 2s;
  static constexpr int kPausePeriods = 4, kPausePeriodsMax = 2'000;

  size_t kept_ = ResidentBytes();  // What there was when all was given back, or less.
  int pause_ = kPausePeriods;
  int periods_ = 0;  // Since the last time.
};

}  // namespace skiff
