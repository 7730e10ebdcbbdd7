// A bounded queue of jobs and the threads that run them, started when they are needed.
//
// One thread at a time is on its way to the queue, and calls the next one if it leaves a job
// behind: short jobs are run one after the other by who is awake, since to wake a thread costs more
// than they do; and while a job takes long, or waits, others go on with the rest.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/gate.h"
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
  // Where a thread without a job sleeps.
  using Bed = Gate;

  // Has one more thread come to the queue, unless one is on its way, or all work: the bed of who is
  // to be woken once the mutex is let go, or nullptr.
  Bed* Call() REQUIRES(mutex_);
  void StartThread() REQUIRES(mutex_);
  void Run(Bed& bed);

  const int threads_max_;
  const size_t waiting_max_;
  mutable Mutex mutex_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
  bool one_comes_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::deque<Bed> beds_ GUARDED_BY(mutex_);      // One a thread; they stay where they are.
  std::vector<Bed*> asleep_ GUARDED_BY(mutex_);  // Who fell asleep last is woken first.
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
};

}  // namespace skiff::http
