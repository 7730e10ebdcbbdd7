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
  // `run` is called with each in its turn. The loop runs none once this is gone, which is not
  // before there is none.
  PutOff(Loop& loop, Run run) : loop_(loop), run_(std::move(run)) {}

  // False: there is no place for it.
  bool Add(const std::shared_ptr<Work>& work) {
    if (!HasPlace(work->owner())) {
      turns_.Drop([](const auto& other) { return other->IsGone(); });
      if (!HasPlace(work->owner())) return false;
    }
    turns_.Add(work->owner(), work);
    if (tasks_ < turns_.size()) AddTask();
    return true;
  }

 private:
  static constexpr size_t kMax = 32;
  // Further ones of the same owner would be made one by one where others, who might make them, may
  // have nothing to do.
  static constexpr size_t kOfOwnerMax = 8;

  bool HasPlace(const std::string& owner) const {
    return turns_.size() < kMax && turns_.CountOf(owner) < kOfOwnerMax;
  }
  void AddTask() {
    ++tasks_;
    loop_.PutOff([this] {
      --tasks_;
      if (!turns_.empty()) run_(turns_.Next());
    });
  }

  Loop& loop_;
  const Run run_;
  Turns<std::shared_ptr<Work>> turns_;
  size_t tasks_ = 0;  // Of the loop: one for each that waits, or more.
};

}  // namespace skiff::http
