#include "kubelet/restart_backoff.h"

#include <algorithm>

namespace skiff::kubelet {

Duration RestartBackoff::Left(const std::string& key, Duration failed_at, Duration now) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.IsForgottenBy(failed_at)) return 0ns;
  return std::max(Duration::zero(), failed_at + found->second.delay - now);
}

Duration RestartBackoff::Delay(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? 0ns : found->second.delay;
}

void RestartBackoff::Next(const std::string& key, Duration failed_at, Duration now) {
  Entry& entry = entries_[key];
  const bool is_fresh = entry.delay == 0ns || entry.IsForgottenBy(failed_at);
  entry.delay = is_fresh ? first_ : std::min(entry.delay * 2, max_);
  entry.tried_at = now;
}

void RestartBackoff::Forget(Duration now) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.IsForgottenBy(now); });
}

std::string GoDuration(Duration duration) {
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const int64_t hours = seconds / 3600, minutes = seconds / 60 % 60;
  std::string text;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  return text + std::to_string(seconds % 60) + "s";
}

}  // namespace skiff::kubelet
