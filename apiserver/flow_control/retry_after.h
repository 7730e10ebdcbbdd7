// After how many seconds those that a level refuses are told to come again. As in kube-apiserver it
// is doubled where at least three a second were refused for as long as it says, and falls by one
// where less than one a second was.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include "base/mutex.h"

namespace skiff::flow_control {

inline constexpr int64_t kRetryAfterMax = 32;

// Thread-safe.
class RetryAfter {
 public:
  // One more was refused, at that second since 1970.
  void CountRefused(int64_t now_s);
  int64_t seconds() const { return seconds_; }

 private:
  void Adjust(int64_t now_s) REQUIRES(mutex_);

  struct Second {
    int64_t at_s;
    int64_t refused;
  };
  Mutex mutex_;
  std::deque<Second> before_ GUARDED_BY(mutex_);  // Of the last kRetryAfterMax seconds.
  Second current_ GUARDED_BY(mutex_) = {0, 0};
  int64_t raised_at_s_ GUARDED_BY(mutex_) = 0;
  std::atomic<int64_t> seconds_ = 1;
};

}  // namespace skiff::flow_control
