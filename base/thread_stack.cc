#include "base/thread_stack.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <thread>

#include "base/error.h"

namespace skiff {
namespace {

constexpr uintptr_t kPageBytes = 4096;
// What stays: work that is not deep touches no more, and will touch it again.
constexpr uintptr_t kKeptBytes = 256 << 10;
// So many pages are asked about. A walk that went deeper has touched one of them: its frames lie
// side by side, and none is as large as all of these.
constexpr uintptr_t kAskedPages = 16;

// The lowest address of this thread's stack that may be given back.
uintptr_t StackBegin() {
  pthread_attr_t attributes;
  void* begin = nullptr;
  size_t bytes = 0, guard = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return UINTPTR_MAX;
  pthread_attr_getstack(&attributes, &begin, &bytes);
  pthread_attr_getguardsize(&attributes, &guard);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<uintptr_t>(begin) + std::max<uintptr_t>(guard, kPageBytes);
}

}  // namespace

void SetThreadStacks() {
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, kThreadStackBytes) == 0);
  CHECK(pthread_setattr_default_np(&attributes) == 0);
  pthread_attr_destroy(&attributes);
}

int RunWithThreadStack(const std::function<int()>& work) {
  int result = 0;
  // Signals are for the one that works, who may block some and wait for them: here, they would be
  // taken or ignored before.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::jthread([&] {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    result = work();
  }).join();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

void ReleaseStack() {
  static thread_local const uintptr_t begin = StackBegin();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~(kPageBytes - 1);
  if (here < begin || here - begin < kKeptBytes + kAskedPages * kPageBytes) return;
  const uintptr_t end = here - kKeptBytes;
  std::array<unsigned char, kAskedPages> resident = {};
  void* const asked = reinterpret_cast<void*>(end - kAskedPages * kPageBytes);
  if (mincore(asked, kAskedPages * kPageBytes, resident.data()) != 0) return;
  const bool touched = std::any_of(resident.begin(), resident.end(),
                                   [](unsigned char page) { return (page & 1) != 0; });
  // Fails where the pages are locked into memory, and is then not wanted.
  if (touched) (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace skiff
