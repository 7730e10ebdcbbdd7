#include "base/thread_stack.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <thread>

#include "base/error.h"
#include "base/heap_release.h"

namespace skiff {
namespace {

constexpr uintptr_t kPageBytes = 4096;
// What stays: work that is not deep touches no more, and will touch it again.
constexpr uintptr_t kKeptBytes = 256 << 10;
// So much below that is painted. A walk that went deeper has painted over some of it: its frames
// lie side by side, none is as large as this, and each holds what its call saved.
constexpr uintptr_t kPaintedBytes = 2 * kPageBytes;
constexpr uint64_t kPaint = 0x5ca1ab1e0ddba11dULL;
using Pair = uint64_t __attribute__((vector_size(16), may_alias));  // That are looked at as one.

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

// What is painted lies below all frames, where sanitizers expect nobody.
__attribute__((no_sanitize("address", "thread"))) bool IsPainted(uintptr_t place) {
  // Asked after each piece of work: sixteen words in a row have no branch between them.
  constexpr size_t kRow = 16;
  const auto* words = reinterpret_cast<const Pair*>(place);
  const auto* const end = words + kPaintedBytes / sizeof(Pair);
  for (; words != end; words += kRow / 2) {
    Pair other = {};
    for (size_t i = 0; i < kRow / 2; ++i) other |= words[i] ^ kPaint;
    if ((other[0] | other[1]) != 0) return false;
  }
  return true;
}

__attribute__((no_sanitize("address", "thread"))) void Paint(uintptr_t place) {
  auto* const words = reinterpret_cast<uint64_t*>(place);
  for (size_t i = 0; i < kPaintedBytes / sizeof *words; ++i) words[i] = kPaint;
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
  ReleaseThreadCache();
  static thread_local const uintptr_t begin = StackBegin();
  static thread_local uintptr_t painted = 0;  // Where the paint begins; 0: there is none.
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~(kPageBytes - 1);
  if (painted == 0) {
    if (here < begin || here - begin < kKeptBytes + kPaintedBytes) return;
    painted = here - kKeptBytes - kPaintedBytes;
  } else if (IsPainted(painted)) {
    return;
  }
  const uintptr_t end = painted + kPaintedBytes;
  if (here < end + kKeptBytes / 2) return;  // From deeper than the first time.
  // Fails where the pages are locked into memory, and is then not wanted.
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  Paint(painted);
}

}  // namespace skiff
