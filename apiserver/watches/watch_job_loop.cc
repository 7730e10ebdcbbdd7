#include "apiserver/watches/watch_job_loop.h"

#include <sched.h>

#include <exception>

#include "base/log.h"

namespace skiff {
namespace {

const Log kWatchLog("apiserver");

}  // namespace

void WatchJobLoop::Submit(const std::string& owner, std::function<void()> job) {
  {
    MutexLock lock(mutex_);
    jobs_.Add(owner, std::move(job));
  }
  Wake();
}

Duration WatchJobLoop::Step() {
  std::function<void()> job;
  {
    MutexLock lock(mutex_);
    if (jobs_.empty()) return kNever;
    job = jobs_.Next();
  }
  try {
    job();
  } catch (const std::exception& failure) {
    // We throw nothing; a library that does must neither end the program nor hold up other watches.
    kWatchLog.Error("watch job threw", {{"error", failure.what()}});
  }
  // Else whoever waits for this processor would get it at the clock's next tick, behind many jobs.
  sched_yield();
  return Duration::zero();
}

}  // namespace skiff
