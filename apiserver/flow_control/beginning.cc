// What the entrance does with watches that begin.
#include "apiserver/flow_control/beginning.h"

#include <utility>

namespace skiff::flow_control {
namespace {

// Whoever has not taken them by then is slow, and no work for this server any more.
constexpr Duration kBeginningTime = 60s;

}  // namespace

std::shared_ptr<InitialEvents> Entrance::BeginningOf(const Pass& pass) {
  if (!pass.is_watch_ || pass.held_ != Pass::Held::kTurn) return nullptr;
  return std::make_shared<Beginning>(*this);
}

void Entrance::Expect(Beginning& beginning) {
  const MutexLock lock(mutex_);
  if (beginning.state == Beginning::State::kNew) beginning.state = Beginning::State::kExpected;
}

void Entrance::Hold(const std::shared_ptr<InitialEvents>& events, Pass pass) {
  if (events == nullptr) return;
  const auto beginning = std::static_pointer_cast<Beginning>(events);
  pass.LeaveWorker();
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    // It may be over already, or no watch of this server's.
    if (beginning->state != Beginning::State::kExpected || stopped_) return;
    const Duration due = clock_.Monotonic() + kBeginningTime;
    beginning->state = Beginning::State::kHolds;
    beginning->pass = std::move(pass);
    beginning->place = beginnings_.emplace(due, beginning);
    wake = Plan(due);
  }
  if (wake) wake_();
}

void Entrance::Over(Beginning& beginning) {
  std::shared_ptr<Beginning> kept;
  Pass pass;
  const MutexLock lock(mutex_);
  if (beginning.state == Beginning::State::kHolds) {
    pass = std::move(beginning.pass);
    kept = beginning.place->second;
    beginnings_.erase(beginning.place);
  }
  beginning.state = Beginning::State::kOver;
}

std::vector<Pass> Entrance::TakeSlowBeginnings(Duration until) {
  std::vector<Pass> passes;
  while (!beginnings_.empty() && beginnings_.begin()->first <= until) {
    Beginning& beginning = *beginnings_.begin()->second;
    beginning.state = Beginning::State::kOver;
    passes.push_back(std::move(beginning.pass));
    beginnings_.erase(beginnings_.begin());
  }
  return passes;
}

}  // namespace skiff::flow_control
