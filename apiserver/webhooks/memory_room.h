// Memory that several share: whoever finds too little of it left waits until others are done.
#pragma once

#include <cstddef>

#include "base/mutex.h"

namespace skiff {

// Thread-safe. Who holds a part of it waits for nothing else.
class MemoryRoom {
 public:
  explicit MemoryRoom(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Gives back what it holds when it goes. The room outlives it.
  class Part {
   public:
    Part(MemoryRoom& room, size_t bytes) : room_(room), bytes_(bytes) {}
    ~Part() { room_.GiveBack(bytes_); }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    MemoryRoom& room_;
    const size_t bytes_;
  };
  // Waits for it; whoever is alone gets what he likes.
  [[nodiscard]] Part Take(size_t bytes) {
    MutexLock lock(mutex_);
    ++waiting_;
    left_.wait(lock, [&]() REQUIRES(mutex_) { return held_ == 0 || held_ + bytes <= bytes_max_; });
    --waiting_;
    held_ += bytes;
    return Part(*this, bytes);
  }
  // How many wait in Take.
  int waiting() const {
    const MutexLock lock(mutex_);
    return waiting_;
  }

 private:
  void GiveBack(size_t bytes) {
    {
      const MutexLock lock(mutex_);
      held_ -= bytes;
    }
    left_.notify_all();
  }

  const size_t bytes_max_;
  mutable Mutex mutex_;
  CondVar left_;
  size_t held_ GUARDED_BY(mutex_) = 0;
  int waiting_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skiff
