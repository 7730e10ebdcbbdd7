#include "base/id.h"

#include <sys/random.h>

#include <array>
#include <utility>

#include "base/error.h"

namespace skiff {

std::string Random::Uid() {
  const uint64_t high = (Next() & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (Next() & ~(3ULL << 62)) | (2ULL << 62);
  // Each request gets one.
  std::string uid(36, '-');
  for (size_t digit = 0, at = 0; digit < 32; ++digit, ++at) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) ++at;
    const uint64_t word = digit < 16 ? high : low;
    uid[at] = "0123456789abcdef"[(word >> (60 - 4 * (digit % 16))) & 0xF];
  }
  return uid;
}

std::string Random::NameSuffix(int length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  for (int i = 0; i < length; ++i) suffix += kAlphabet[Below(kAlphabet.size())];
  return suffix;
}

// So many cost hardly more than one; each is given out once.
uint64_t SystemRandom::Next() {
  thread_local std::array<uint64_t, 32> drawn;
  thread_local size_t left = 0;
  if (left == 0) {
    // This much comes whole.
    CHECK(getrandom(drawn.data(), sizeof drawn, 0) == sizeof drawn);
    left = drawn.size();
  }
  return std::exchange(drawn[--left], 0);
}

uint64_t SeededRandom::Next() {
  MutexLock lock(mutex_);
  return engine_();
}

}  // namespace skiff
