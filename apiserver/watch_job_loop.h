// What watches need done aside, so that no loop of connections waits for it: pages that are read,
// frames that are costly to make.
#pragma once

#include <deque>
#include <functional>

#include "base/control_loop.h"
#include "base/mutex.h"

namespace skiff {

// Runs short jobs one after the other. Each watch waits for one at a time, so there are never more
// of them than watches.
class WatchJobLoop final : public ControlLoop {
 public:
  void Submit(std::function<void()> job);
  Duration Step() override;

 private:
  Mutex mutex_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
};

}  // namespace skiff
