// When what failed is tried again: each thing by itself, less often each time.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "base/clock.h"

namespace skiff {

// Holds what fails now, until it is forgotten: its user bounds that. Times are monotonic.
class RetryTimes {
 public:
  static constexpr Duration kFirst = 1s;
  static constexpr Duration kMax = 30s;

  // Zero: it may be tried now.
  Duration Left(const std::string& name, Duration now) const {
    const auto found = failed_.find(name);
    return found == failed_.end() ? Duration::zero()
                                  : std::max(found->second.until - now, Duration::zero());
  }
  // How long it waits now: twice as long as the last time.
  Duration Failed(const std::string& name, Duration now) {
    Wait& wait = failed_[name];
    wait.pause = std::clamp(wait.pause * 2, kFirst, kMax);
    wait.until = now + wait.pause;
    return wait.pause;
  }
  void Forget(const std::string& name) { failed_.erase(name); }
  void Clear() { failed_.clear(); }

 private:
  struct Wait {
    Duration until = Duration::zero();
    Duration pause = Duration::zero();
  };
  std::map<std::string, Wait> failed_;
};

}  // namespace skiff
