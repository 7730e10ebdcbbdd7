// A binary semaphore on which who waits sleeps at once. The standard library's spins and yields
// first; that is work for nothing where threads wait for one another on few cores.
#pragma once

#include <atomic>

namespace skiff {

// Shut at first.
class Gate {
 public:
  // Lets Pass through once, now or later; what is open stays so. Any thread.
  void Open() noexcept;
  // Waits until it is open, and shuts it. One thread at a time.
  void Pass() noexcept;

 private:
  static constexpr int kShut = 0, kOpen = 1, kWaiting = 2;  // Shut, and somebody sleeps.
  std::atomic<int> state_{kShut};
};

}  // namespace skiff
