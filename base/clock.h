// Time, injected: parts ask a Clock and never the system.
#pragma once

#include <chrono>
#include <string>

#include "base/mutex.h"

namespace skiff {

using Duration = std::chrono::nanoseconds;
// Wall time, UTC, nanoseconds since 1970.
using TimePoint = std::chrono::sys_time<std::chrono::nanoseconds>;
using namespace std::chrono_literals;

// "No need to run again unless woken."
inline constexpr Duration kNever = Duration::max();

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time; may jump.
  virtual TimePoint Now() const = 0;
  // Time since some fixed moment; never goes back. Deadlines and back-off use this one.
  virtual Duration Monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint Now() const override;
  Duration Monotonic() const override;
};

// Stands still until told to move.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(TimePoint start = TimePoint(1'700'000'000s)) : now_(start) {}
  TimePoint Now() const override;
  Duration Monotonic() const override;
  // Moves wall and monotonic time forward by `step` >= 0.
  void Advance(Duration step);
  // Moves wall time alone, either way, as an operator or NTP would.
  void JumpWall(Duration step);

 private:
  mutable Mutex mutex_;
  TimePoint now_ GUARDED_BY(mutex_);
  Duration monotonic_ GUARDED_BY(mutex_) = 0ns;
};

}  // namespace skiff
