// Does several blocking calls at once on behalf of one step. The caller works along; on an executor
// that is not parallel it does everything itself, in order.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/control_loop.h"
#include "base/mutex.h"

namespace skiff {

class Hands {
 public:
  explicit Hands(int count);
  ~Hands();  // Stopped before.
  void Start(Executor& executor);
  void Stop();
  // Calls work(0) ... work(count - 1), in any order; returns when all calls have returned. Any
  // thread, but not from within `work`.
  void Run(int count, const std::function<void(int index)>& work);

 private:
  class Hand;
  struct Job {
    const std::function<void(int)>& work;
    int count = 0;
    int next = 0;     // The first index nobody has taken.
    int running = 0;  // Taken and not returned.
  };
  // Does one call of some job; false when there is none.
  bool WorkOnce();
  void Finish(Job& job);

  Mutex mutex_;
  CondVar finished_;
  std::list<Job*> jobs_ GUARDED_BY(mutex_);  // Those with calls nobody has taken.
  std::vector<std::unique_ptr<Hand>> hands_;
  Executor* executor_ = nullptr;
};

}  // namespace skiff
