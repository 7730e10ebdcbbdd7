// Statuses of Ingresses that could not be written: each is told of once, until something else keeps
// it from being written, and all are tried again with back-off.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "client/object_key.h"

namespace skiff::ingress {

class UnwrittenStatuses {
 public:
  static constexpr Duration kFirst = 1s;
  static constexpr Duration kMax = 60s;

  // It has not failed, or is due again.
  bool MayTry(const ObjectKey& key, Duration now) const {
    return now >= at_ || !errors_.contains(key);
  }
  void NoteWritten(const ObjectKey& key) { errors_.erase(key); }
  // True: by another error than before, if by any; it is to be told.
  bool NoteFailed(const ObjectKey& key, const std::string& error) {
    const auto [known, is_new] = errors_.try_emplace(key, error);
    return std::exchange(known->second, error) != error || is_new;
  }
  // Forgets those that are not in `keys`.
  template <typename Keys>
  void KeepOnly(const Keys& keys) {
    std::erase_if(errors_, [&](const auto& each) { return !keys.contains(each.first); });
  }
  // When those that failed are due, after all were tried that might be; kNever where none has.
  Duration Next(Duration now) {
    if (errors_.empty()) {
      delay_ = kFirst;
      at_ = Duration::zero();
      return kNever;
    }
    if (now >= at_) at_ = now + std::exchange(delay_, std::min(delay_ * 2, kMax));
    return at_ - now;
  }

 private:
  std::map<ObjectKey, std::string> errors_;
  Duration delay_ = kFirst;
  Duration at_{};
};

}  // namespace skiff::ingress
