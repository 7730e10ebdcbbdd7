// Randomness, injected, and the names made from it.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
  // Uniform in [0, bound), bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  // Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // A version 4 UUID in lower case.
  std::string Uid();
  // `length` characters of Kubernetes' name alphabet, bcdfghjklmnpqrstvwxz2456789.
  std::string NameSuffix(int length = 5);
};

// The kernel's generator.
class SystemRandom final : public Random {
 public:
  uint64_t Next() override;
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override;

 private:
  Mutex mutex_;
  std::mt19937_64 engine_ GUARDED_BY(mutex_);
};

}  // namespace skiff
