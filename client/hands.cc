#include "client/hands.h"

#include <algorithm>

namespace skiff {

class Hands::Hand final : public ControlLoop {
 public:
  explicit Hand(Hands& hands) : hands_(hands) {}
  Duration Step() override { return hands_.WorkOnce() ? Duration(0) : kNever; }

 private:
  Hands& hands_;
};

Hands::Hands(int count) {
  for (int i = 0; i < count; ++i) hands_.push_back(std::make_unique<Hand>(*this));
}

Hands::~Hands() = default;

void Hands::Start(Executor& executor) {
  if (!executor.IsParallel()) return;
  executor_ = &executor;
  for (const auto& hand : hands_) executor.Add(*hand);
}

void Hands::Stop() {
  if (!executor_) return;
  for (const auto& hand : hands_) executor_->Remove(*hand);
  executor_ = nullptr;
}

void Hands::Run(int count, const std::function<void(int)>& work) {
  if (count <= 0) return;
  Job job{work, count};
  {
    const MutexLock lock(mutex_);
    jobs_.push_back(&job);
  }
  const int helpers = std::min<int>(count - 1, static_cast<int>(hands_.size()));
  for (int i = 0; i < helpers; ++i) hands_[i]->Wake();
  while (true) {
    int index = 0;
    {
      MutexLock lock(mutex_);
      if (job.next == job.count) {
        while (job.running > 0) finished_.wait(lock);
        return;
      }
      index = job.next++;
      ++job.running;
      if (job.next == job.count) jobs_.remove(&job);
    }
    work(index);
    Finish(job);
  }
}

bool Hands::WorkOnce() {
  Job* job = nullptr;
  int index = 0;
  {
    const MutexLock lock(mutex_);
    if (jobs_.empty()) return false;
    job = jobs_.front();
    index = job->next++;
    ++job->running;
    if (job->next == job->count) jobs_.pop_front();
  }
  job->work(index);
  Finish(*job);
  return true;
}

void Hands::Finish(Job& job) {
  // Under the lock to the end: the caller's stack frame, where the job lies, ends with the last.
  const MutexLock lock(mutex_);
  --job.running;
  finished_.notify_all();
}

}  // namespace skiff
