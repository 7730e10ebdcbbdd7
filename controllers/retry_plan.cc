#include "controllers/retry_plan.h"

#include <algorithm>

namespace skiff {
namespace {

// The refusals that end it come within 5.1 s, as with client-go's usual rate limiter.
constexpr Duration kFirstDelay = 5ms;
constexpr Duration kDelayMax = 10min;

}  // namespace

bool RetryPlan::IsDue(const ObjectKey& key, const std::string& version, Duration now) const {
  const auto found = attempts_.find(key);
  return found == attempts_.end() || found->second.version != version || found->second.due <= now;
}

bool RetryPlan::Failed(const ObjectKey& key, const std::string& version, Duration now,
                       Failure failure) {
  const auto [place, is_new] = attempts_.try_emplace(key);
  Attempts& attempts = place->second;
  const bool again = !is_new && attempts.version == version;
  const Duration delay = again ? std::min(attempts.delay * 2, kDelayMax) : kFirstDelay;
  const int refusals = (again ? attempts.refusals : 0) + (failure == Failure::kRefused ? 1 : 0);
  const bool goes_on = failure == Failure::kUnanswered || refusals <= kRetriesMax;
  attempts = {version, delay, goes_on ? now + delay : kNever, refusals};
  return goes_on;
}

Duration RetryPlan::UntilNext(Duration now) const {
  Duration next = kNever;
  for (const auto& [key, attempts] : attempts_) {
    if (attempts.due == kNever) continue;
    next = std::min(next, std::max(attempts.due - now, Duration(0)));
  }
  return next;
}

}  // namespace skiff
