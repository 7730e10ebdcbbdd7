#include "http/worker_pool.h"

#include <system_error>
#include <utility>

#include "base/thread_slice.h"
#include "base/thread_stack.h"

namespace skiff::http {

bool WorkerPool::Submit(std::function<void()> job) {
  Bed* called = nullptr;
  {
    MutexLock lock(mutex_);
    if (stopped_ || jobs_.size() >= waiting_max_) return false;
    jobs_.push_back(std::move(job));
    called = Call();
    if (threads_.empty()) {  // And there will be none.
      jobs_.pop_back();
      return false;
    }
  }
  if (called != nullptr) called->Open();
  return true;
}

WorkerPool::Bed* WorkerPool::Call() {
  if (one_comes_) return nullptr;
  if (!asleep_.empty()) {
    Bed* const bed = asleep_.back();
    asleep_.pop_back();
    one_comes_ = true;
    return bed;
  }
  if (static_cast<int>(threads_.size()) < threads_max_) StartThread();
  return nullptr;
}

void WorkerPool::StartThread() {
  Bed& bed = beds_.emplace_back();
  try {
    threads_.emplace_back([this, &bed] { Run(bed); });
    one_comes_ = true;
  } catch (const std::system_error&) {
    beds_.pop_back();  // The machine gives no more: those there are do the work, later.
  }
}

void WorkerPool::Stop() {
  std::vector<std::jthread> threads;
  std::vector<Bed*> asleep;
  std::deque<std::function<void()>> dropped;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(jobs_);
    threads.swap(threads_);
    asleep.swap(asleep_);
  }
  for (Bed* bed : asleep) bed->Open();
  for (auto& thread : threads) thread.join();
}

int WorkerPool::threads() const {
  MutexLock lock(mutex_);
  return static_cast<int>(threads_.size());
}

size_t WorkerPool::waiting() const {
  MutexLock lock(mutex_);
  return jobs_.size();
}

void WorkerPool::Run(Bed& bed) {
  TakeShortSlices();
  MutexLock lock(mutex_);
  for (bool comes = true;; comes = true) {
    while (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      if (std::exchange(comes, false)) one_comes_ = false;
      Bed* const called = jobs_.empty() ? nullptr : Call();
      lock.unlock();
      if (called != nullptr) called->Open();
      job();
      job = nullptr;  // What it holds is let go outside the lock.
      ReleaseStack();
      lock.lock();
    }
    if (comes) one_comes_ = false;
    if (stopped_) return;
    asleep_.push_back(&bed);
    lock.unlock();
    bed.Pass();
    lock.lock();
  }
}

}  // namespace skiff::http
