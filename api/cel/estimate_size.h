// Sizes between bounds, and sums that stop at the largest number.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace skiff::cel {

inline uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
inline uint64_t SaturatingMultiply(uint64_t a, uint64_t b) {
  return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}
// Rounded up.
inline uint64_t ScaledCost(uint64_t size, double factor) {
  const double scaled = std::ceil(static_cast<double>(size) * factor);
  return scaled >= 18446744073709551616.0 ? UINT64_MAX : static_cast<uint64_t>(scaled);
}

// Of a string, a list or a map.
struct SizeRange {
  uint64_t min = 0;
  uint64_t max = UINT64_MAX;

  static SizeRange Exactly(uint64_t size) { return {size, size}; }
  SizeRange operator+(const SizeRange& other) const {
    return {SaturatingAdd(min, other.min), SaturatingAdd(max, other.max)};
  }
  SizeRange operator*(const SizeRange& other) const {
    return {SaturatingMultiply(min, other.min), SaturatingMultiply(max, other.max)};
  }
  SizeRange Or(const SizeRange& other) const {
    return {std::min(min, other.min), std::max(max, other.max)};
  }
};

}  // namespace skiff::cel
