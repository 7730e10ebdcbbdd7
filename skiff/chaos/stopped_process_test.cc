// Of processes of this test's own.
#include "skiff/chaos/stopped_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "skiff/chaos/machine.h"

namespace skiff::chaos {
namespace {

using testing::HasSubstr;

// What parent and child both see.
struct Shared {
  std::atomic<uint64_t> rounds[2];
  std::atomic<uint64_t> signals;
  std::atomic<uint64_t> traps;
  std::atomic<int64_t> constant;
  std::atomic<pid_t> grandchild;
};
Shared* shared = nullptr;

// Nothing tells of what another process writes there.
void AwaitMoment() {
  poll(nullptr, 0, 1);
}

const char kConstant[4096] alignas(4096) = {'a'};  // A page that nobody may write.

[[noreturn]] void RunChild() {
  signal(SIGALRM, [](int) { ++shared->signals; });
  signal(SIGTRAP, [](int) { ++shared->traps; });
  std::thread other([] {
    while (true) ++shared->rounds[1];
  });
  while (true) {
    ++shared->rounds[0];
    const volatile char* constant = kConstant;
    shared->constant = constant[0];
  }
}

class StoppedProcessTest : public testing::Test {
 protected:
  StoppedProcessTest() {
    shared = static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    child_ = fork();
    if (child_ == 0) RunChild();
    EXPECT_TRUE(Runs());
  }
  ~StoppedProcessTest() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    munmap(shared, sizeof(Shared));
  }
  // Whether both threads get on; within half a minute, else they stand.
  static bool Runs() {
    const uint64_t before[] = {shared->rounds[0], shared->rounds[1]};
    for (int i = 0; i < 30'000; ++i) {
      if (shared->rounds[0] != before[0] && shared->rounds[1] != before[1]) return true;
      AwaitMoment();
    }
    return false;
  }
  Result<std::unique_ptr<StoppedProcess>> Stop() const {
    return StoppedProcess::Stop(*IdentifyProcess(child_), [] {});
  }
  pid_t child_ = 0;
};

TEST_F(StoppedProcessTest, AllOfItStandsUntilItIsLetGo) {
  {
    const auto stopped = Stop();
    ASSERT_TRUE(stopped) << stopped.error().message;
    const uint64_t before[] = {shared->rounds[0], shared->rounds[1]};
    for (int i = 0; i < 50; ++i) AwaitMoment();
    EXPECT_EQ(shared->rounds[0], before[0]);
    EXPECT_EQ(shared->rounds[1], before[1]);
  }
  EXPECT_TRUE(Runs());
}

TEST_F(StoppedProcessTest, WhatMayNotBeWrittenIsWritten) {
  const auto at = reinterpret_cast<uint64_t>(&kConstant[0]);
  {
    const auto stopped = Stop();
    ASSERT_TRUE(stopped);
    EXPECT_EQ(*(*stopped)->Read(at, 1), "a");
    ASSERT_TRUE((*stopped)->Write(at, "b"));
    ASSERT_TRUE((*stopped)->Write(at + 13, "word and more"));
    EXPECT_EQ((*stopped)->Read(at, 27)->substr(12), std::string("\0word and more\0", 15));
    EXPECT_THAT((*stopped)->Read(8, 8).error().message, HasSubstr("cannot be read"));
    EXPECT_THAT((*stopped)->Write(8, "x").error().message, HasSubstr("cannot be read"));
  }
  EXPECT_TRUE(Runs());
  EXPECT_EQ(shared->constant, 'b');
  EXPECT_EQ(kConstant[0], 'a') << "the page is the child's own from then on";
}

#if defined(__x86_64__)

// The instruction that MapPage goes by; it is never come to.
void MakeSystemCall() {
  asm volatile(
      ".globl skiff_test_system_call\n.hidden skiff_test_system_call\n"
      "skiff_test_system_call: syscall" ::: "rax", "rcx", "r11", "memory");
}
extern "C" const char skiff_test_system_call[];

TEST_F(StoppedProcessTest, APageIsMappedWhereNothingIs) {
  volatile bool never = false;
  if (never) MakeSystemCall();
  // Free here, so there.
  void* const room = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(room, 4096);
  const auto at = reinterpret_cast<uint64_t>(room);
  const auto call = reinterpret_cast<uint64_t>(skiff_test_system_call);
  kill(child_, SIGALRM);  // It may come at any moment.
  {
    const auto stopped = Stop();
    ASSERT_TRUE(stopped);
    const auto before = (*stopped)->NextInstructions();
    ASSERT_TRUE(before);
    EXPECT_EQ(before->size(), 2u);
    const auto mapped = (*stopped)->MapPage(at, 4096, call);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(*(*stopped)->NextInstructions(), *before);
    EXPECT_EQ(*(*stopped)->Read(at, 4096), std::string(4096, '\0'));
    EXPECT_THAT((*stopped)->MapPage(at, 4096, call).error().message, HasSubstr("has no room at"));
    kill(child_, SIGALRM);
  }
  EXPECT_TRUE(Runs());
  while (shared->signals == 0) AwaitMoment();
  kill(child_, SIGTRAP);  // Whose handler it still has.
  for (int i = 0; i < 30'000 && shared->traps == 0; ++i) AwaitMoment();
  EXPECT_EQ(shared->traps, 1u);
}

// A process may have itself asked before it maps anything, and never answer.
[[noreturn]] void RunChildHeldAtMaps() {
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog filter{.len = 4, .filter = code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long asked = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                             SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  shared->constant = asked < 0 ? -1 : 1;
  while (true) {
    ++shared->rounds[0];
    ++shared->rounds[1];
  }
}

TEST_F(StoppedProcessTest, WhoHoldsUpItsSystemCallsHoldsUpNobodyElse) {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  shared->constant = 0;
  child_ = fork();
  if (child_ == 0) RunChildHeldAtMaps();
  while (shared->constant == 0) AwaitMoment();
  if (shared->constant < 0) GTEST_SKIP() << "no seccomp here";
  void* const room = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(room, 4096);
  {
    const auto stopped = Stop();
    ASSERT_TRUE(stopped) << stopped.error().message;
    const auto before = (*stopped)->NextInstructions();
    const auto mapped =
        (*stopped)->MapPage(reinterpret_cast<uint64_t>(room), 4096,
                            reinterpret_cast<uint64_t>(skiff_test_system_call));
    ASSERT_FALSE(mapped);
    EXPECT_EQ(mapped.error().reason, Reason::kForbidden) << mapped.error().message;
    EXPECT_EQ(*(*stopped)->NextInstructions(), *before);
  }
  EXPECT_TRUE(Runs());
}

#endif

TEST_F(StoppedProcessTest, OneWhoseFirstThreadHasEndedStandsToo) {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = fork();
  if (child_ == 0) {
    const auto count = [](size_t which) {
      while (true) ++shared->rounds[which];
    };
    const std::thread one(count, 0), other(count, 1);
    syscall(SYS_exit, 0);  // Of this thread alone.
  }
  while (!HasThreadEnded(child_)) AwaitMoment();
  ASSERT_NE(LivingThreadOf(child_), child_);
  {
    const auto stopped = Stop();
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_TRUE((*stopped)->IsWhole());
    EXPECT_EQ(*(*stopped)->Read(reinterpret_cast<uint64_t>(&kConstant[0]), 1), "a");
    const uint64_t before[] = {shared->rounds[0], shared->rounds[1]};
    for (int i = 0; i < 50; ++i) AwaitMoment();
    EXPECT_EQ(shared->rounds[0], before[0]);
    EXPECT_EQ(shared->rounds[1], before[1]);
  }
  EXPECT_TRUE(Runs());
}

TEST_F(StoppedProcessTest, WhoHasEndedIsNotFound) {
  const pid_t other = fork();
  if (other == 0) {
    while (true) pause();
  }
  const auto id = IdentifyProcess(other);
  ASSERT_TRUE(id);
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  const auto stopped = StoppedProcess::Stop(*id, [] {});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().reason, Reason::kNotFound);
}

TEST_F(StoppedProcessTest, WhoHasItsNumberNowIsLeftAlone) {
  auto id = *IdentifyProcess(child_);
  --id.start_ticks;
  const auto stopped = StoppedProcess::Stop(id, [] {});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().reason, Reason::kNotFound) << stopped.error().message;
  EXPECT_TRUE(Runs());
}

TEST_F(StoppedProcessTest, OneOfItsThreadsIsNotAllOfIt) {
  {
    const auto stopped = Stop();
    ASSERT_TRUE(stopped);
    EXPECT_TRUE((*stopped)->IsWhole());
  }
  ASSERT_EQ(ptrace(PTRACE_SEIZE, child_, nullptr, nullptr), 0);
  ASSERT_EQ(ptrace(PTRACE_INTERRUPT, child_, nullptr, nullptr), 0);
  ASSERT_EQ(waitpid(child_, nullptr, __WALL), child_);
  EXPECT_FALSE(StoppedProcess::OfStopped(child_, child_)->IsWhole());
  EXPECT_TRUE(Runs());
}

// As a container's shim does, who is not the tracer.
TEST_F(StoppedProcessTest, WhoeverAwaitsTheEndOfOneThatIsKilledHearsOfIt) {
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t child = fork();
    if (child == 0) {
      while (true) pause();
    }
    shared->grandchild = child;
    int status = 0;
    _exit(waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? 0 : 1);
  }
  while (shared->grandchild == 0) AwaitMoment();
  {
    const auto stopped = StoppedProcess::Stop(*IdentifyProcess(shared->grandchild), [] {});
    ASSERT_TRUE(stopped);
    kill(shared->grandchild, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(waitpid(parent, &status, 0), parent);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace skiff::chaos
