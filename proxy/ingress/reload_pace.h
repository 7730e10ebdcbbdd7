// How often HAProxy reads new files. Each time it does, the worker before has to end, and keeps the
// connections that it has; HAProxy ends those that have seen thirty-two of that happen
// (mworker-max-reloads). Whoever may write one Ingress can ask for it without end, and would so cut
// the WebSockets of all others. So it is asked how many a worker has seen that still has
// somebody's: from half of the thirty-two on that one gets five minutes for the other half. Where
// nobody has a connection that old, nobody waits, but for a pause after one that took long.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace skiff::ingress {

class ReloadPace {
 public:
  static constexpr Duration kPeriodMin = 500ms;
  static constexpr int kSeenMax = 16;
  static constexpr Duration kPeriod = 20s;
  // What takes longer than that, as with many certificates, is not done all the time.
  static constexpr Duration kQuick = 1s;
  static constexpr int kShare = 4;

  // Before that time there is no other one. `seen`: by the oldest worker that is about to end.
  Duration NotBefore(int seen) const {
    const Duration end = begin_ + took_;
    if (seen >= kSeenMax) return end + kPeriod;
    const Duration pause = std::clamp<Duration>((took_ - kQuick) * kShare, 0s, kPeriod);
    return std::max(begin_ + kPeriodMin, end + pause);
  }
  void Note(Duration begin, Duration took) {
    begin_ = begin;
    took_ = took;
  }

 private:
  Duration begin_ = -kPeriod;  // Of the last one.
  Duration took_{};
};

}  // namespace skiff::ingress
