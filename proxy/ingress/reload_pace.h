// How often HAProxy reads new files. Each time it does, the worker before has to end, and keeps the
// connections that it has; HAProxy ends those that have seen thirty-two of that happen
// (mworker-max-reloads). Whoever may write one Ingress can ask for it without end, and would so cut
// the WebSockets of all others. So there may be many in a row, as when somebody installs something,
// and fewer for good: a connection that is begun lives five minutes, whatever is asked for.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace skiff::ingress {

class ReloadPace {
 public:
  static constexpr Duration kPeriodMin = 500ms;
  static constexpr int kInARowMax = 16;
  static constexpr Duration kPeriod = 20s;

  // Before that time there is no other one.
  Duration NotBefore() const {
    return std::max(next_, paid_until_ - (kInARowMax - 1) * kPeriod);
  }
  void Note(Duration now) {
    next_ = now + kPeriodMin;
    paid_until_ = std::max(paid_until_, now) + kPeriod;
  }

 private:
  Duration next_{};
  // Each one takes a period of the time, beginning with what is left of those before.
  Duration paid_until_{};
};

}  // namespace skiff::ingress
