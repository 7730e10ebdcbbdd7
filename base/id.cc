#include "base/id.h"

#include <fmt/format.h>
#include <sys/random.h>

#include "base/error.h"

namespace skiff {

std::string Random::Uid() {
  const uint64_t high = (Next() & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (Next() & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                     high & 0xFFFF, low >> 48, low & 0xFFFF'FFFF'FFFFULL);
}

std::string Random::NameSuffix(int length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  for (int i = 0; i < length; ++i) suffix += kAlphabet[Below(kAlphabet.size())];
  return suffix;
}

uint64_t SystemRandom::Next() {
  uint64_t value = 0;
  CHECK(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

uint64_t SeededRandom::Next() {
  MutexLock lock(mutex_);
  return engine_();
}

}  // namespace skiff
