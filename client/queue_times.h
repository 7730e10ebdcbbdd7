// How long keys waited in a queue, or were worked on, as client-go counts both: how many times it
// took up to each of some bounds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace skiff {

struct QueueTimes {
  // In seconds; past the last one there is one place more.
  static constexpr std::array<double, 10> kBounds = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4,
                                                     1e-3, 1e-2, 1e-1, 1,    10};
  std::array<uint64_t, kBounds.size() + 1> counts{};
  double sum = 0;

  void Add(Duration took) {
    const double seconds = std::chrono::duration<double>(took).count();
    ++counts[static_cast<size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin())];
    sum += seconds;
  }
  QueueTimes& operator+=(const QueueTimes& other) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum += other.sum;
    return *this;
  }
};

}  // namespace skiff
