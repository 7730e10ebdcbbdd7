#include "http/worker_pool.h"

#include <system_error>
#include <utility>

#include "base/thread_slice.h"
#include "base/thread_stack.h"

namespace skiff::http {

namespace {

// Of the queue, one in so many may be gone before it is looked through.
constexpr size_t kGoneIn = 8;

class FunctionJob final : public WorkerPool::Job {
 public:
  explicit FunctionJob(std::function<void()> run) : run_(std::move(run)) {}
  void Run() override { run_(); }

 private:
  const std::function<void()> run_;
};

}  // namespace

bool WorkerPool::Submit(std::function<void()> job) {
  return Submit(std::make_shared<FunctionJob>(std::move(job)));
}

bool WorkerPool::Submit(std::shared_ptr<Job> job) {
  Bed* called = nullptr;
  Jobs dropped;
  {
    MutexLock lock(mutex_);
    if (stopped_) return false;
    const bool is_full = jobs_.size() >= waiting_max_;
    if (is_full && std::exchange(noted_any_, false)) dropped = TakeOut(&Job::MayBeGone);
    if (jobs_.size() >= waiting_max_) return false;
    noted_any_ = noted_any_ || job->MayBeGone();
    jobs_.push_back(std::move(job));
    called = Call();
    if (threads_.empty()) {  // And there will be none.
      jobs_.pop_back();
      return false;
    }
  }
  if (called != nullptr) called->Open();
  Drop(dropped);
  return true;
}

void WorkerPool::NoteGone(size_t count) {
  Jobs dropped;
  {
    MutexLock lock(mutex_);
    if (jobs_.empty()) return;
    noted_any_ = true;
    noted_gone_ += count;
    if (noted_gone_ * kGoneIn >= jobs_.size()) dropped = TakeOut(&Job::IsGone);
  }
  Drop(dropped);
}

WorkerPool::Jobs WorkerPool::TakeOut(bool (Job::*unwanted)() const) {
  Jobs out;
  noted_gone_ = 0;
  std::erase_if(jobs_, [&](std::shared_ptr<Job>& job) {
    if (!((*job).*unwanted)()) return false;
    out.push_back(job);
    return true;
  });
  return out;
}

void WorkerPool::Drop(const Jobs& jobs) {
  for (const auto& job : jobs) job->Drop();
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
  std::deque<std::shared_ptr<Job>> dropped;
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
      job->Run();
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
