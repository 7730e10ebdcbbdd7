// What has been allocated, for tests of what things hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

// jemalloc's, where that is linked (cmake/toolchain.cmake).
extern "C" int mallctl(const char* name, void* old_value, size_t* old_bytes, void* new_value,
                       size_t new_bytes) __attribute__((weak));

namespace skiff {

// Bytes that the process has allocated and not freed; nullopt: the allocator does not count them.
inline std::optional<size_t> AllocatedBytes() {
  if (mallctl == nullptr) return std::nullopt;
  uint64_t epoch = 1;
  size_t bytes = sizeof epoch;
  mallctl("epoch", &epoch, &bytes, &epoch, bytes);  // Else the figures are old ones.
  size_t allocated = 0;
  bytes = sizeof allocated;
  const bool known = mallctl("stats.allocated", &allocated, &bytes, nullptr, 0) == 0;
  return known ? std::optional(allocated) : std::nullopt;
}

// Bytes that this thread has ever allocated; likewise.
inline std::optional<uint64_t> AllocatedByThread() {
  if (mallctl == nullptr) return std::nullopt;
  uint64_t allocated = 0;
  size_t bytes = sizeof allocated;
  const bool known = mallctl("thread.allocated", &allocated, &bytes, nullptr, 0) == 0;
  return known ? std::optional(allocated) : std::nullopt;
}

}  // namespace skiff
