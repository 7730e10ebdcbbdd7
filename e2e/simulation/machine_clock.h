// The clock of one machine of the simulation: its wall time is wrong by as much as a test says.
#pragma once

#include "base/clock.h"

namespace skiff {

// On one thread, as all of a simulation.
class MachineClock final : public Clock {
 public:
  explicit MachineClock(const Clock& right) : right_(right) {}

  TimePoint Now() const override { return right_.Now() + offset_; }
  // What is measured by it is right: such clocks are never set.
  Duration Monotonic() const override { return right_.Monotonic(); }
  // Before or behind from now on.
  void SetOffset(Duration offset) { offset_ = offset; }

 private:
  const Clock& right_;
  Duration offset_{};
};

}  // namespace skiff
