// How long a container, or an image that cannot be pulled, is left alone: 10 s, doubled up to five
// minutes; forgotten by what fails only ten minutes after it was tried. One thread.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"

namespace skiff::kubelet {

class RestartBackoff {
 public:
  static constexpr Duration kFirst = 10s;
  static constexpr Duration kMax = 300s;
  static constexpr Duration kForgetAfter = 2 * kMax;

  explicit RestartBackoff(Duration first = kFirst, Duration max = kMax)
      : first_(first), max_(max) {}
  // The delay in force for `key` at `now`, counted from `failed_at`; zero when it may be tried.
  Duration Left(const std::string& key, Duration failed_at, Duration now) const;
  // The whole delay in force: what messages show.
  Duration Delay(const std::string& key) const;
  // It is tried again at `now` after having failed at `failed_at`: the next delay is the double.
  void Next(const std::string& key, Duration failed_at, Duration now);
  // Drops what has not been tried for a long time.
  void Forget(Duration now);

 private:
  struct Entry {
    Duration delay{};
    Duration tried_at{};
    // Who has run for so long before he failed has nothing to be left alone for.
    bool IsForgottenBy(Duration failed_at) const { return failed_at - tried_at > kForgetAfter; }
  };
  const Duration first_;
  const Duration max_;
  std::map<std::string, Entry> entries_;
};

// Go's text of a duration in whole seconds: "10s", "1m20s", "5m0s".
std::string GoDuration(Duration duration);

}  // namespace skiff::kubelet
