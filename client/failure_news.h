// Which failures are worth a line of the log. A key is tried anew by its back-off, but at once when
// it changes: what fails for somebody who writes to it all the time fails as often.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "client/object_key.h"

namespace skiff {

// Thread-safe.
class FailureNews {
 public:
  // As long the same failure of a key is told once.
  static constexpr Duration kToldFor = 60s;

  explicit FailureNews(const Clock& clock) : clock_(clock) {}

  // Whether it is to be told that the key has failed so; then it is taken for told.
  bool IsNew(const ObjectKey& key, const std::string& message) {
    const size_t text = std::hash<std::string>{}(message);
    const Duration now = clock_.Monotonic();
    const MutexLock lock(mutex_);
    const auto [told, first] = told_.try_emplace(key, Told{text, now});
    if (first) return true;
    if (told->second.text == text && now - told->second.at < kToldFor) return false;
    told->second = {text, now};
    return true;
  }
  // It has succeeded, or is gone.
  void Forget(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    told_.erase(key);
  }

 private:
  struct Told {
    size_t text = 0;  // Hash of the message.
    Duration at{};
  };
  const Clock& clock_;
  Mutex mutex_;
  std::map<ObjectKey, Told> told_ GUARDED_BY(mutex_);
};

}  // namespace skiff
