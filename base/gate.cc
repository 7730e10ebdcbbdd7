#include "base/gate.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skiff {
namespace {

static_assert(sizeof(std::atomic<int>) == sizeof(int) && std::atomic<int>::is_always_lock_free);

void Futex(std::atomic<int>& word, int operation, int value) {
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

}  // namespace

void Gate::Open() noexcept {
  if (state_.exchange(kOpen, std::memory_order_acq_rel) == kWaiting) Futex(state_, FUTEX_WAKE, 1);
}

void Gate::Pass() noexcept {
  while (true) {
    int seen = kOpen;
    if (state_.compare_exchange_strong(seen, kShut, std::memory_order_acq_rel)) return;
    seen = kShut;
    const bool sleeps = state_.compare_exchange_strong(seen, kWaiting, std::memory_order_acq_rel);
    // Comes back at once unless it still says so; also for a signal.
    if (sleeps || seen == kWaiting) Futex(state_, FUTEX_WAIT, kWaiting);
  }
}

}  // namespace skiff
