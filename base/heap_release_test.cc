#include "base/heap_release.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "base/allocated_bytes.h"

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

TEST(HeapReleaseTest, WhatALargeObjectTookGoesBackAfterIt) {
  const size_t before = ResidentBytes();
  const auto work = [] {
    std::vector<std::unique_ptr<char[]>> chunks;
    for (int i = 0; i < 50'000; ++i) chunks.push_back(std::make_unique<char[]>(4'000));
    return std::make_unique<char[]>(4'000);  // Lives at the end of the heap.
  };
  const auto last = work();
  NoteWorkOn(kLargeBytes - 1);
  ReleaseThreadCache();
  ASSERT_GT(ResidentBytes(), before + (150 << 20));
  NoteWorkOn(kLargeBytes);
  ReleaseThreadCache();
  EXPECT_LT(ResidentBytes(), before + (50 << 20));
}

// By jemalloc's account, to which what threads keep is allocated.
TEST(HeapReleaseTest, AThreadGivesBackWhatItKeeps) {
  if (!AllocatedBytes()) GTEST_SKIP() << "this allocator does not count";
  std::jthread([] {
    std::vector<std::unique_ptr<char[]>> pieces;
    for (size_t bytes = 1'000; bytes < 14'000; bytes += 500) {
      for (int i = 0; i < 4; ++i) pieces.push_back(std::make_unique<char[]>(bytes));
    }
    pieces.clear();
    const size_t kept = *AllocatedBytes();
    ReleaseThreadCache();
    EXPECT_LT(*AllocatedBytes() + (32 << 10), kept);
  }).join();
}
#endif

}  // namespace
}  // namespace skiff
