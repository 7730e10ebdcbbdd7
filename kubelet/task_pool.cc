#include "kubelet/task_pool.h"

#include <atomic>

namespace skiff::kubelet {

class TaskPool::Task final : public ControlLoop {
 public:
  explicit Task(std::function<void()> work) : work_(std::move(work)) {}
  bool done() const { return done_; }
  Duration Step() override {
    if (done_) return kNever;
    work_();
    work_ = nullptr;
    done_ = true;
    return kNever;
  }

 private:
  std::function<void()> work_;
  std::atomic<bool> done_ = false;
};

TaskPool::TaskPool(Executor& executor) : executor_(executor) {}

TaskPool::~TaskPool() {
  std::list<std::unique_ptr<Task>> tasks;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    while (adding_ > 0) added_.wait(lock);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) executor_.Remove(*task);
}

void TaskPool::Run(std::function<void()> task) {
  DropDone();
  auto made = std::make_unique<Task>(std::move(task));
  Task& added = *made;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    tasks_.push_back(std::move(made));
    ++adding_;
  }
  executor_.Add(added);
  MutexLock lock(mutex_);
  if (--adding_ == 0) added_.notify_all();
}

// A task that is done may still be on its way out of its step, which takes no time.
void TaskPool::DropDone() {
  std::list<std::unique_ptr<Task>> done;
  {
    MutexLock lock(mutex_);
    for (auto task = tasks_.begin(); task != tasks_.end();) {
      const auto next = std::next(task);
      if ((*task)->done()) done.splice(done.end(), tasks_, task);
      task = next;
    }
  }
  for (const auto& task : done) executor_.Remove(*task);
}

}  // namespace skiff::kubelet
