// Seconds and moments as objects state them: they may be any, and what they are added to has ends.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace skiff {

// A spec may hold any int64, and nanoseconds hold 292 years. Who asks for more than a century never
// lives to see the difference, and a century either side of a moment of this one still fits.
constexpr Duration Seconds(int64_t count) {
  constexpr int64_t kMost = 100LL * 365 * 24 * 3600;
  return std::chrono::seconds(std::clamp(count, -kMost, kMost));
}

// `by` later than `moment`, or the last moment there is (2262), or the first (1677).
constexpr TimePoint Later(TimePoint moment, Duration by) {
  int64_t sum = 0;
  if (__builtin_add_overflow(moment.time_since_epoch().count(), by.count(), &sum)) {
    return by < Duration(0) ? TimePoint::min() : TimePoint::max();
  }
  return TimePoint(Duration(sum));
}

// From one moment to another, and at most 292 years either way, as Go's Time.Sub has it.
constexpr Duration Between(TimePoint from, TimePoint to) {
  int64_t difference = 0;
  if (__builtin_sub_overflow(to.time_since_epoch().count(), from.time_since_epoch().count(),
                             &difference)) {
    return to < from ? Duration::min() : Duration::max();
  }
  return Duration(difference);
}

}  // namespace skiff
