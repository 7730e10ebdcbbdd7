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

TEST(ThreadSlice, IsAheadOfTheProcessWhereThatIsAllowed) {
  int ahead = 0, of_child = 0, at_the_end = 0;
  bool allowed = false;
  std::jthread([&] {
    allowed = setpriority(PRIO_PROCESS, 0, -1) == 0 && setpriority(PRIO_PROCESS, 0, 3) == 0;
    if (!allowed) return;
    TakeShortSlicesAhead();
    ahead = getpriority(PRIO_PROCESS, 0);
    std::jthread([&] { of_child = getpriority(PRIO_PROCESS, 0); }).join();
    setpriority(PRIO_PROCESS, 0, -20);
    TakeShortSlicesAhead();
    at_the_end = getpriority(PRIO_PROCESS, 0);
  }).join();
  if (!allowed) GTEST_SKIP() << "no right to be ahead";
  EXPECT_EQ(ahead, 3 - kAheadNice);
  EXPECT_EQ(of_child, 0);
  EXPECT_EQ(at_the_end, -20);
}

// RLIMIT_NICE of 0 and no capability: what most services have.
TEST(ThreadSlice, IsShortAloneWhereThatIsNotAllowed) {
  int nice_before = 0, nice = 0;
  bool is_nobody = false;
  std::chrono::nanoseconds before{}, asked{};
  std::jthread([&] {
    before = SliceHere();
    nice_before = getpriority(PRIO_PROCESS, 0);
    // Of this thread alone: the library's function is the whole process's.
    is_nobody = syscall(SYS_setresuid, 65534, 65534, 65534) == 0 || geteuid() != 0;
    if (!is_nobody) return;
    TakeShortSlicesAhead();
    nice = getpriority(PRIO_PROCESS, 0);
    asked = SliceHere();
  }).join();
  rlimit limit{};
  getrlimit(RLIMIT_NICE, &limit);
  if (!is_nobody || limit.rlim_cur > 0) GTEST_SKIP() << "everybody may be ahead here";
  EXPECT_EQ(nice, nice_before);
  if (before == std::chrono::nanoseconds::zero()) return;
  EXPECT_EQ(asked, kShortSlice);
}

}  // namespace
}  // namespace skiff
