#include "base/clock.h"

#include "base/error.h"

namespace skiff {

TimePoint SystemClock::Now() const {
  return std::chrono::system_clock::now();
}

Duration SystemClock::Monotonic() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

TimePoint FakeClock::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

Duration FakeClock::Monotonic() const {
  MutexLock lock(mutex_);
  return monotonic_;
}

void FakeClock::Advance(Duration step) {
  CHECK(step >= 0ns);
  MutexLock lock(mutex_);
  now_ += step;
  monotonic_ += step;
}

void FakeClock::JumpWall(Duration step) {
  MutexLock lock(mutex_);
  now_ += step;
}

}  // namespace skiff
