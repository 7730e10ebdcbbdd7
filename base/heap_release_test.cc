#include "base/heap_release.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

extern "C" int mallctl(const char* name, void* old_value, size_t* old_bytes, void* new_value,
                       size_t new_bytes) __attribute__((weak));

namespace skiff {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // They allocate by themselves.
TEST(HeapReleaseTest, WhatIsFreedBelowSomethingThatLivesGoesBack) {
  HeapRelease release;
  const size_t before = ResidentBytes();
  std::vector<std::unique_ptr<char[]>> chunks;
  for (int i = 0; i < 50'000; ++i) chunks.push_back(std::make_unique<char[]>(4'000));
  const auto last = std::make_unique<char[]>(4'000);  // Lives at the end of the heap.
  ASSERT_GT(ResidentBytes(), before + (150 << 20));
  chunks.clear();
  ASSERT_GT(ResidentBytes(), before + (150 << 20));
  EXPECT_GT(release.Step(), 0s);
  EXPECT_LT(ResidentBytes(), before + (50 << 20));
}

TEST(HeapReleaseTest, WhatWasInUseAtFirstGoesBackLater) {
  HeapRelease release;
  const size_t before = ResidentBytes();
  std::vector<std::unique_ptr<char[]>> chunks;
  for (int i = 0; i < 50'000; ++i) chunks.push_back(std::make_unique<char[]>(4'000));
  const auto last = std::make_unique<char[]>(4'000);
  release.Step();
  ASSERT_GT(ResidentBytes(), before + (150 << 20));
  chunks.clear();
  for (int i = 0; i < 10; ++i) release.Step();
  EXPECT_LT(ResidentBytes(), before + (50 << 20));
}

// What is in use, by jemalloc's account, to which the caches of threads are in use.
size_t AllocatedBytes() {
  uint64_t epoch = 1;
  size_t bytes = 0, length = sizeof bytes;
  mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch);
  mallctl("stats.allocated", &bytes, &length, nullptr, 0);
  return bytes;
}

TEST(HeapReleaseTest, AThreadGivesBackWhatItKeeps) {
  if (mallctl == nullptr) GTEST_SKIP() << "built without jemalloc";
  std::jthread([] {
    std::vector<std::unique_ptr<char[]>> pieces;
    for (size_t bytes = 1'000; bytes < 14'000; bytes += 500) {
      for (int i = 0; i < 4; ++i) pieces.push_back(std::make_unique<char[]>(bytes));
    }
    pieces.clear();
    const size_t kept = AllocatedBytes();
    ReleaseThreadCache();
    EXPECT_LT(AllocatedBytes() + (32 << 10), kept);
  }).join();
}
#endif

}  // namespace
}  // namespace skiff
