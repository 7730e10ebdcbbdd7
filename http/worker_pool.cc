#include "http/worker_pool.h"

#include <system_error>
#include <utility>

#include "base/thread_stack.h"

namespace skiff::http {

bool WorkerPool::Submit(std::function<void()> job) {
  MutexLock lock(mutex_);
  if (stopped_ || jobs_.size() >= waiting_max_) return false;
  jobs_.push_back(std::move(job));
  if (static_cast<size_t>(idle_) >= jobs_.size()) {
    changed_.notify_one();
  } else if (static_cast<int>(threads_.size()) < threads_max_) {
    return StartThread();
  }
  return true;
}

bool WorkerPool::StartThread() {
  try {
    threads_.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    // The machine gives no more: those there are do the work, later.
    if (!threads_.empty()) return true;
    jobs_.pop_back();
    return false;
  }
  return true;
}

void WorkerPool::Stop() {
  std::vector<std::jthread> threads;
  std::deque<std::function<void()>> dropped;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(jobs_);
    threads.swap(threads_);
  }
  changed_.notify_all();
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

void WorkerPool::Run() {
  MutexLock lock(mutex_);
  while (true) {
    if (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // What it holds is let go outside the lock.
      ReleaseStack();
      lock.lock();
    } else if (stopped_) {
      return;
    } else {
      ++idle_;
      changed_.wait(lock);
      --idle_;
    }
  }
}

}  // namespace skiff::http
