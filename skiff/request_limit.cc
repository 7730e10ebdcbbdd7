#include "skiff/request_limit.h"

#include <algorithm>

namespace skiff {
namespace {

bool IsWatch(const http::Request& request) {
  return request.Query("watch") == "true";
}

}  // namespace

Duration TokenBucket::Take(Duration now) {
  using Seconds = std::chrono::duration<double>;
  const double earned = rate_.qps * Seconds(std::max(now - counted_at_, Duration(0))).count();
  tokens_ = std::min<double>(rate_.burst, tokens_ + earned);
  counted_at_ = std::max(counted_at_, now);
  tokens_ -= 1;
  if (tokens_ >= 0) return Duration(0);
  return std::chrono::duration_cast<Duration>(Seconds(std::min(-tokens_ / rate_.qps, 1e9)));
}

void LimitedTransport::AwaitTurn() {
  MutexLock lock(mutex_);
  if (is_open_) return;
  const Duration due = clock_.Monotonic() + bucket_.Take(clock_.Monotonic());
  while (!is_open_) {
    const Duration left = due - clock_.Monotonic();
    if (left <= Duration(0)) return;
    opened_.wait_for(lock, left);
  }
}

http::Response LimitedTransport::Send(http::Request request) {
  if (!IsWatch(request)) AwaitTurn();
  return below_.Send(std::move(request));
}

void LimitedTransport::Open() {
  const MutexLock lock(mutex_);
  is_open_ = true;
  opened_.notify_all();
}

}  // namespace skiff
