// What a loop has put off to the ends of its rounds, of each owner one in turn. On its thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "base/turns.h"
#include "http/event_loop.h"

namespace skiff::http {

// A Work has an owner(), and IsGone() once nobody waits for it any more.
template <typename Work>
class PutOff {
 public:
  using Run = std::function<void(const std::shared_ptr<Work>&)>;
  // `run` is called with each in its turn; not once this is gone, which may be on another thread
  // when there is none any more.
  PutOff(Loop& loop, Run run) : loop_(loop), waiting_(std::make_shared<Waiting>(std::move(run))) {}

  // False: there is no place for it here, so workers are to have it.
  bool Add(const std::shared_ptr<Work>& work) {
    auto& turns = waiting_->turns;
    if (!HasPlace(work->owner())) {
      turns.Drop([](const auto& other) { return other->IsGone(); });
      if (!HasPlace(work->owner())) return false;
    }
    turns.Add(work->owner(), work);
    if (waiting_->tasks < turns.size()) AddTask();
    return true;
  }

 private:
  static constexpr size_t kMax = 32;
  // Further ones of the same owner would be made one by one where workers may have nothing to do.
  static constexpr size_t kOfOwnerMax = 8;

  struct Waiting {
    explicit Waiting(Run run) : run(std::move(run)) {}
    const Run run;
    Turns<std::shared_ptr<Work>> turns;
    size_t tasks = 0;  // Of the loop: one for each that waits, or more, whose works were dropped.
  };

  bool HasPlace(const std::string& owner) const {
    const auto& turns = waiting_->turns;
    return turns.size() < kMax && turns.CountOf(owner) < kOfOwnerMax;
  }
  void AddTask() {
    ++waiting_->tasks;
    // The loop may come to it when this is gone: nobody waits for a task whose work was dropped.
    loop_.PutOff([weak = std::weak_ptr(waiting_)] {
      const auto waiting = weak.lock();
      if (!waiting) return;
      --waiting->tasks;
      if (!waiting->turns.empty()) waiting->run(waiting->turns.Next());
    });
  }

  Loop& loop_;
  const std::shared_ptr<Waiting> waiting_;
};

}  // namespace skiff::http
