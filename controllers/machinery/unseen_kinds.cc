#include "controllers/machinery/unseen_kinds.h"

#include <algorithm>

namespace skiff {

void UnseenKinds::Add(const std::string& kind) {
  const MutexLock lock(mutex_);
  added_[kind] = clock_.Monotonic();
}

bool UnseenKinds::Remove(const std::string& kind) {
  const MutexLock lock(mutex_);
  if (added_.erase(kind) == 0) return false;
  if (!first_listed_) first_listed_ = clock_.Monotonic();
  return true;
}

Duration UnseenKinds::Wait() {
  const MutexLock lock(mutex_);
  if (added_.empty()) return Duration(0);
  if (!first_listed_) return kNever;
  const Duration now = clock_.Monotonic();
  Duration longest(0);
  for (auto it = added_.begin(); it != added_.end();) {
    const Duration left = std::max(it->second, *first_listed_) + kWaitMax - now;
    longest = std::max(longest, left);
    if (left > Duration(0)) {
      ++it;
      continue;
    }
    log_.Info("kind not listed in time, going on without it", {{"kind", it->first}});
    it = added_.erase(it);
  }
  return longest;
}

}  // namespace skiff
