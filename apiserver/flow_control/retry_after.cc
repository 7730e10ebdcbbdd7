#include "apiserver/flow_control/retry_after.h"

#include <algorithm>

namespace skiff::flow_control {

void RetryAfter::CountRefused(int64_t now_s) {
  const MutexLock lock(mutex_);
  if (current_.at_s == now_s) {
    ++current_.refused;
    return;
  }
  before_.push_back(current_);
  current_ = {now_s, 1};
  // Also where the clock was set back.
  const auto is_needed = [&] {
    return static_cast<int64_t>(before_.size()) <= kRetryAfterMax &&
           now_s - before_.front().at_s <= kRetryAfterMax;
  };
  while (!before_.empty() && !is_needed()) before_.pop_front();
  Adjust(now_s);
}

void RetryAfter::Adjust(int64_t now_s) {
  const int64_t seconds = seconds_;
  int64_t refused = 0;
  for (const Second& second : before_) {
    const bool is_recent = second.at_s < now_s && now_s - second.at_s <= seconds;
    if (is_recent) refused += second.refused;
  }
  if (now_s - raised_at_s_ >= seconds && refused >= 3 * seconds) {
    seconds_ = std::min(2 * seconds, kRetryAfterMax);
    raised_at_s_ = now_s;
  } else if (refused < seconds && seconds > 1) {
    seconds_ = seconds - 1;
  }
}

}  // namespace skiff::flow_control
