// A bounded queue of jobs and the threads that run them, started when they are needed.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace skiff::http {

class WorkerPool {
 public:
  WorkerPool(int threads_max, size_t waiting_max)
      : threads_max_(threads_max), waiting_max_(waiting_max) {}
  ~WorkerPool() { Stop(); }

  // False when too many jobs wait, or after Stop. Any thread; never blocks.
  bool Submit(std::function<void()> job);
  // Lets running jobs finish and drops those that wait. Not to be called from a job.
  void Stop();
  int threads() const;
  size_t waiting() const;

 private:
  // For the job that came last. False: there is no thread at all, and the job is let go.
  bool StartThread() REQUIRES(mutex_);
  void Run();

  const int threads_max_;
  const size_t waiting_max_;  // Jobs past those that threads are free for; past it, refused.
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
  int idle_ GUARDED_BY(mutex_) = 0;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
};

}  // namespace skiff::http
