#include "base/thread_slice.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <thread>

namespace skiff {
namespace {

// Of this thread; 0 where the kernel knows none.
std::chrono::nanoseconds SliceHere() {
  constexpr size_t kBytes = 48, kRuntimeAt = 24;
  char attributes[kBytes] = {};
  EXPECT_EQ(syscall(SYS_sched_getattr, 0, attributes, kBytes, 0), 0);
  uint64_t runtime_ns = 0;
  std::memcpy(&runtime_ns, attributes + kRuntimeAt, sizeof runtime_ns);
  return std::chrono::nanoseconds(runtime_ns);
}

TEST(ThreadSlice, IsShortForWhoAskedAndForNobodyElse) {
  std::chrono::nanoseconds before{}, asked{}, of_child{};
  int nice = -1;
  std::jthread([&] {
    before = SliceHere();
    setpriority(PRIO_PROCESS, 0, 3);
    TakeShortSlices();
    asked = SliceHere();
    nice = getpriority(PRIO_PROCESS, 0);
    std::jthread([&] { of_child = SliceHere(); }).join();
  }).join();
  EXPECT_EQ(nice, 3);
  if (before == std::chrono::nanoseconds::zero()) GTEST_SKIP() << "no slices in this kernel";
  EXPECT_EQ(asked, kShortSlice);
  EXPECT_EQ(of_child, before);
}

}  // namespace
}  // namespace skiff
