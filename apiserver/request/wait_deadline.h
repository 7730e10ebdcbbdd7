// Until when somebody else's program is waited for on behalf of a request: for who asks it far
// below, and knows of no request.
//
//   const WaitDeadline scope(request.deadline);              // Where the request is served.
//   ... deadline = std::min(deadline, WaitDeadline::OfThread());   // Where somebody is asked.
#pragma once

#include <algorithm>
#include <chrono>

namespace skiff {

// On the thread that makes it, while it is in scope. Within another one the earlier deadline holds.
class WaitDeadline {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `deadline` outlives it, and may move meanwhile.
  explicit WaitDeadline(const TimePoint& deadline) : deadline_(deadline), around_(innermost_) {
    innermost_ = this;
  }
  ~WaitDeadline() { innermost_ = around_; }
  WaitDeadline(const WaitDeadline&) = delete;
  WaitDeadline& operator=(const WaitDeadline&) = delete;

  // TimePoint::max() where no request is served.
  static TimePoint OfThread() {
    TimePoint earliest = TimePoint::max();
    for (const WaitDeadline* each = innermost_; each != nullptr; each = each->around_) {
      earliest = std::min(earliest, each->deadline_);
    }
    return earliest;
  }

 private:
  static inline constinit thread_local const WaitDeadline* innermost_ = nullptr;
  const TimePoint& deadline_;
  const WaitDeadline* const around_;
};

}  // namespace skiff
