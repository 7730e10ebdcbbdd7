// Calls that block for as long as somebody else likes (a stop, a pull, a command in a container),
// each on a thread of an executor that nothing else waits for.
//
//   tasks.Run([&] { done(runtime.PullImage(...)); });
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "base/control_loop.h"
#include "base/mutex.h"

namespace skiff::kubelet {

// Thread-safe.
class TaskPool {
 public:
  explicit TaskPool(Executor& executor);
  // Waits for the tasks that run; those that have not begun never do.
  ~TaskPool();
  // Runs `task` once, soon. It may run others, and must not end the pool.
  void Run(std::function<void()> task);

 private:
  class Task;
  void DropDone();

  Executor& executor_;
  Mutex mutex_;  // Not held while tasks are added, run or removed.
  CondVar added_;
  std::list<std::unique_ptr<Task>> tasks_ GUARDED_BY(mutex_);
  int adding_ GUARDED_BY(mutex_) = 0;  // Of those, not yet given to the executor.
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace skiff::kubelet
