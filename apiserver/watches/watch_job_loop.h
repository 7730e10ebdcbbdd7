// What watches and long lists need done aside, so that no loop of connections waits for it: pages
// that are read, frames that are costly to make.
#pragma once

#include <functional>
#include <string>

#include "base/control_loop.h"
#include "base/mutex.h"
#include "base/turns.h"

namespace skiff {

// Runs short jobs one after the other, of each owner one in turn: whoever asks for much waits for
// himself. A watch waits for one job at a time, and what it asked for before it ended costs little.
class WatchJobLoop final : public ControlLoop {
 public:
  void Submit(const std::string& owner, std::function<void()> job);
  Duration Step() override;

 private:
  Mutex mutex_;
  Turns<std::function<void()>> jobs_ GUARDED_BY(mutex_);
};

// Where the jobs of one user's watches go; nowhere by default.
struct WatchJobs {
  WatchJobLoop* loop = nullptr;  // Outlives the watches.
  std::string owner;
  // Takes the jobs in its place where they wait for others; false: there is no room.
  std::function<bool(std::function<void()> job)> elsewhere = {};

  bool Submit(std::function<void()> job) const {
    if (elsewhere) return elsewhere(std::move(job));
    loop->Submit(owner, std::move(job));
    return true;
  }
};

}  // namespace skiff
