// Memory that several share: whoever finds too little of it left waits until others are done.
#pragma once

#include <cstddef>
#include <deque>

#include "base/mutex.h"

namespace skiff {

// Thread-safe. Who holds a part of it waits for nothing else.
//
// Who came first gets his part first, however small those behind him are: they wait with him, or a
// large part would be had only once nobody wants a small one any more.
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
    if (!waiting_.empty() || !Fits(bytes)) Await(bytes, lock);
    held_ += bytes;
    return Part(*this, bytes);
  }
  // How many wait in Take.
  int waiting() const {
    const MutexLock lock(mutex_);
    return static_cast<int>(waiting_.size());
  }

 private:
  bool Fits(size_t bytes) const REQUIRES(mutex_) {
    return held_ == 0 || (held_ <= bytes_max_ && bytes <= bytes_max_ - held_);
  }
  void Await(size_t bytes, MutexLock& lock) REQUIRES(mutex_) {
    CondVar turn;
    waiting_.push_back(&turn);
    turn.wait(lock, [&]() REQUIRES(mutex_) { return waiting_.front() == &turn && Fits(bytes); });
    waiting_.pop_front();
    WakeFirst();  // He may fit beside this one.
  }
  // Only he can have a turn now.
  void WakeFirst() REQUIRES(mutex_) {
    if (!waiting_.empty()) waiting_.front()->notify_one();
  }
  void GiveBack(size_t bytes) {
    // Notified with the lock held, as who waits may be gone with its CondVar once it is not.
    const MutexLock lock(mutex_);
    held_ -= bytes;
    WakeFirst();
  }

  const size_t bytes_max_;
  mutable Mutex mutex_;
  size_t held_ GUARDED_BY(mutex_) = 0;
  std::deque<CondVar*> waiting_ GUARDED_BY(mutex_);  // In the order they came.
};

}  // namespace skiff
