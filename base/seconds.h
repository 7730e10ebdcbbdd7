// Seconds as objects state them, as a Duration.
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

}  // namespace skiff
