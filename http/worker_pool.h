// A bounded queue of jobs and the threads that run them, started when they are needed.
//
// One thread at a time is on its way to the queue, and calls the next one if it leaves a job
// behind: short jobs are run one after the other by who is awake, since to wake a thread costs more
// than they do; and while a job takes long, or waits, others go on with the rest.
//
// What nobody wants any more leaves the queue, once there is enough of it that to look for it costs
// less than to keep it; and where the queue is full, what perhaps nobody wants makes room.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/gate.h"
#include "base/mutex.h"

namespace skiff::http {

class WorkerPool {
 public:
  class Job {
   public:
    virtual ~Job() = default;
    virtual void Run() = 0;
    // Nobody wants it any more; or perhaps nobody does. Once true they stay so. Asked under the
    // pool's mutex: they take none.
    virtual bool IsGone() const { return false; }
    virtual bool MayBeGone() const { return IsGone(); }
    // It will not be run, for one of the two. On the thread of whoever found that out.
    virtual void Drop() {}
  };

  WorkerPool(int threads_max, size_t waiting_max)
      : threads_max_(threads_max), waiting_max_(waiting_max) {}
  ~WorkerPool() { Stop(); }

  // False when too many jobs wait, or after Stop. Any thread; never blocks.
  bool Submit(std::shared_ptr<Job> job);
  bool Submit(std::function<void()> job);
  // So many jobs that may wait here are gone by now, or may be, and were not so when they came. Any
  // thread.
  void NoteGone(size_t count = 1);
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
  using Jobs = std::vector<std::shared_ptr<Job>>;
  Jobs TakeOut(bool (Job::*unwanted)() const) REQUIRES(mutex_);
  static void Drop(const Jobs& jobs);
  void StartThread() REQUIRES(mutex_);
  void Run(Bed& bed);

  const int threads_max_;
  const size_t waiting_max_;
  mutable Mutex mutex_;
  std::deque<std::shared_ptr<Job>> jobs_ GUARDED_BY(mutex_);
  // What was noted since they were looked through for those that are gone, and that may be.
  size_t noted_gone_ GUARDED_BY(mutex_) = 0;
  bool noted_any_ GUARDED_BY(mutex_) = false;
  bool one_comes_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::deque<Bed> beds_ GUARDED_BY(mutex_);      // One a thread; they stay where they are.
  std::vector<Bed*> asleep_ GUARDED_BY(mutex_);  // Who fell asleep last is woken first.
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
};

}  // namespace skiff::http
