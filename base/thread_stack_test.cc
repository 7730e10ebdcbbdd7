#include "base/thread_stack.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace skiff {
namespace {

// Touches about a kilobyte of stack for each level.
int Descend(int levels) {
  volatile char frame[1024];
  frame[0] = static_cast<char>(levels);
  if (levels == 0) return frame[0];
  return Descend(levels - 1) + frame[0];
}

// Of this thread's stack, in bytes.
size_t TouchedStack() {
  pthread_attr_t attributes;
  void* base = nullptr;
  size_t size = 0, touched = 0;
  EXPECT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
  pthread_attr_getstack(&attributes, &base, &size);
  pthread_attr_destroy(&attributes);
  constexpr size_t kPage = 4096;
  std::vector<unsigned char> pages(size / kPage);
  EXPECT_EQ(mincore(base, pages.size() * kPage, pages.data()), 0);
  for (const unsigned char page : pages) touched += (page & 1) * kPage;
  return touched;
}

TEST(ThreadStackTest, WhatADeepWalkTouchedIsGivenBack) {
  SetThreadStacks();
  size_t before = 0, after = 0;
  std::jthread([&] {
    ReleaseStack();
    Descend(20'000);
    before = TouchedStack();
    ReleaseStack();
    after = TouchedStack();
    Descend(20'000);  // It can be gone down again.
  }).join();
  EXPECT_GT(before, size_t{10} << 20);
  EXPECT_LT(after, size_t{1} << 20);
}

TEST(ThreadStackTest, WorkForMainRunsWithThatStack) {
  SetThreadStacks();
  // More than the system gives to main.
  EXPECT_EQ(RunWithThreadStack([] { return Descend(20'000) * 0 + 7; }), 7);
}

TEST(ThreadStackTest, WorkForMainMayWaitForSignals) {
  const int got = RunWithThreadStack([] {
    sigset_t window;
    sigemptyset(&window);
    sigaddset(&window, SIGWINCH);
    pthread_sigmask(SIG_BLOCK, &window, nullptr);
    kill(getpid(), SIGWINCH);
    const timespec patience{10, 0};
    return sigtimedwait(&window, nullptr, &patience);
  });
  EXPECT_EQ(got, SIGWINCH);
}

}  // namespace
}  // namespace skiff
