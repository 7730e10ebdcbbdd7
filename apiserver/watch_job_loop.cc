#include "apiserver/watch_job_loop.h"

namespace skiff {

void WatchJobLoop::Submit(std::function<void()> job) {
  {
    MutexLock lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  Wake();
}

Duration WatchJobLoop::Step() {
  std::function<void()> job;
  {
    MutexLock lock(mutex_);
    if (jobs_.empty()) return kNever;
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  job();
  return Duration::zero();
}

}  // namespace skiff
