#include "client/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace skiff {
namespace {

// client-go's, where nothing is said.
constexpr double kQpsOfNothing = 5;
constexpr int kBurstOfNothing = 10;
// Longer waits are as good as for ever, and their nanoseconds can still be counted.
constexpr double kWaitSecondsMax = 1e8;

RateLimit Whole(RateLimit limit) {
  if (limit.qps != 0) return limit;
  return {kQpsOfNothing, limit.burst == 0 ? kBurstOfNothing : limit.burst};
}

}  // namespace

Result<> CheckRateLimit(const RateLimit& limit) {
  const RateLimit whole = Whole(limit);
  if (std::isnan(whole.qps)) return Fail(Reason::kInvalid, "qps is not a number");
  if (whole.qps < 0 || whole.burst > 0) return {};
  return Fail(Reason::kInvalid,
              "burst is required to be greater than 0 when RateLimiter is not set and QPS is set "
              "to greater than 0");
}

TokenBucket::TokenBucket(const RateLimit& limit)
    : qps_(Whole(limit).qps), burst_(Whole(limit).burst), tokens_(burst_) {}

Duration TokenBucket::Take(Duration now) {
  const double passed = std::chrono::duration<double>(now - filled_).count();
  filled_ = now;
  tokens_ = std::min(burst_, tokens_ + passed * qps_) - 1;
  if (tokens_ >= 0) return Duration(0);
  const double seconds = std::min(-tokens_ / qps_, kWaitSecondsMax);
  return Duration(static_cast<int64_t>(std::ceil(seconds * 1e9)));
}

LimitedTransport::LimitedTransport(Transport& below, const RateLimit& limit, const Clock& clock)
    : below_(below), clock_(clock), is_limited_(Whole(limit).qps > 0), bucket_(limit) {}

http::Response LimitedTransport::Send(http::Request request) {
  if (is_limited_ && !AwaitTurn(request)) {
    return NotAsked("nothing is sent any more: the program ends");
  }
  return below_.Send(std::move(request));
}

bool LimitedTransport::AwaitTurn(const http::Request& request) {
  MutexLock lock(mutex_);
  const Duration now = clock_.Monotonic();
  const Duration wait = closed_ ? Duration(0) : bucket_.Take(now);
  if (wait > kLongWait && now >= tell_from_) {
    tell_from_ = now + kTellEvery;
    log_.Info("waits due to client-side throttling, not priority and fairness",
              {{"seconds", fmt::format("{:.1f}", std::chrono::duration<double>(wait).count())},
               {"request", request.method + ":" + request.path}});
  }
  const Duration until = now + wait;
  while (!closed_) {
    const Duration left = until - clock_.Monotonic();
    if (left <= Duration(0)) return true;
    closing_.wait_for(lock, left);
  }
  return false;
}

void LimitedTransport::Close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  closing_.notify_all();
}

}  // namespace skiff
