#include "apiserver/watches/watch_job_loop.h"

#include <exception>

#include "base/log.h"

namespace skiff {
namespace {

const Log kWatchLog("apiserver");

}  // namespace

void WatchJobLoop::Submit(const std::string& owner, std::function<void()> job) {
  {
    MutexLock lock(mutex_);
    Jobs& jobs = jobs_[owner];
    if (jobs.empty()) turns_.push_back(owner);
    jobs.push_back(std::move(job));
  }
  Wake();
}

Duration WatchJobLoop::Step() {
  std::function<void()> job;
  {
    MutexLock lock(mutex_);
    if (turns_.empty()) return kNever;
    const auto next = jobs_.find(turns_.front());
    job = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty()) {
      jobs_.erase(next);
    } else {
      turns_.push_back(next->first);
    }
    turns_.pop_front();
  }
  try {
    job();
  } catch (const std::exception& failure) {
    // We throw nothing; a library that does must neither end the program nor hold up other watches.
    kWatchLog.Error("watch job threw", {{"error", failure.what()}});
  }
  return Duration::zero();
}

}  // namespace skiff
