// Hands views from the thread that makes them to those that answer. Reading is one load as long as
// there is no newer view.
#pragma once

#include <atomic>
#include <memory>

#include "base/mutex.h"
#include "dns/view.h"

namespace skiff::dns {

class ViewSource {
 public:
  // Any thread.
  void Publish(std::shared_ptr<const View> view) {
    MutexLock lock(mutex_);
    view_ = std::move(view);
    generation_.fetch_add(1, std::memory_order_release);
  }
  std::shared_ptr<const View> Get() const {
    MutexLock lock(mutex_);
    return view_;
  }
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const View> view_ GUARDED_BY(mutex_);
  std::atomic<uint64_t> generation_ = 0;
};

// One thread's hold on the newest view.
class ViewReader {
 public:
  explicit ViewReader(const ViewSource& source) : source_(source) {}
  // nullptr until there is one.
  const View* Get() {
    const uint64_t newest = source_.generation();
    if (newest != generation_) {
      view_ = source_.Get();
      generation_ = newest;
    }
    return view_.get();
  }
  // Of what Get returned last.
  uint64_t generation() const { return generation_; }

 private:
  const ViewSource& source_;
  uint64_t generation_ = 0;
  std::shared_ptr<const View> view_;
};

}  // namespace skiff::dns
