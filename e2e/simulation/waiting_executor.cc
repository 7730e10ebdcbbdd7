#include "e2e/simulation/waiting_executor.h"

#include <algorithm>
#include <semaphore>
#include <thread>

#include "base/error.h"

namespace skiff {

struct WaitingExecutor::Seat {
  Seat(ControlLoop& of, FakeClock& clock) : loop(of), steps(clock, 1) { steps.Add(of); }

  ControlLoop& loop;
  SteppedExecutor steps;  // Of this loop alone.
  std::binary_semaphore go{0}, back{0};
  bool is_waiting = false;
  Duration until{};                             // Monotonic.
  const std::function<bool()>* over = nullptr;  // While it waits.
  bool is_removed = false;
  bool ends = false;
  std::jthread thread;  // Once there was a step.

  void Live() {
    for (go.acquire(); !ends; go.acquire()) {
      steps.RunOne();
      back.release();
    }
  }
};

WaitingExecutor::WaitingExecutor(FakeClock& clock) : clock_(clock) {}

WaitingExecutor::~WaitingExecutor() {
  while (!seats_.empty()) Remove(seats_.back()->loop);
}

WaitingExecutor::Seat* WaitingExecutor::Find(const ControlLoop& loop) const {
  const auto found = std::find_if(seats_.begin(), seats_.end(),
                                  [&](const auto& seat) { return &seat->loop == &loop; });
  return found == seats_.end() ? nullptr : found->get();
}

void WaitingExecutor::Add(ControlLoop& loop) {
  seats_.push_back(std::make_unique<Seat>(loop, clock_));
}

void WaitingExecutor::Remove(ControlLoop& loop) {
  Seat* seat = Find(loop);
  if (seat == nullptr) return;
  CHECK(seat != current_);
  seat->is_removed = true;
  while (seat->is_waiting) Run(*seat);
  seat->steps.Remove(loop);
  seat->ends = true;
  if (seat->thread.joinable()) seat->go.release();
  std::erase_if(seats_, [&](const auto& each) { return each.get() == seat; });
}

void WaitingExecutor::Wake(ControlLoop& loop) {
  if (Seat* seat = Find(loop)) seat->steps.Wake(loop);
}

bool WaitingExecutor::Wait(Duration length, const std::function<bool()>& over) {
  Seat* seat = current_;
  if (seat == nullptr) return true;
  const Duration until = clock_.Monotonic() + length;
  while (!seat->is_removed && clock_.Monotonic() < until && !over()) {
    seat->until = until;
    seat->over = &over;
    seat->is_waiting = true;
    seat->back.release();
    seat->go.acquire();
    seat->is_waiting = false;
  }
  return !seat->is_removed;
}

void WaitingExecutor::Run(Seat& seat) {
  Seat* const before = std::exchange(current_, &seat);
  if (!seat.thread.joinable()) seat.thread = std::jthread([&seat] { seat.Live(); });
  seat.go.release();
  seat.back.acquire();
  current_ = before;
}

bool WaitingExecutor::IsDue(const Seat& seat) const {
  const Duration now = clock_.Monotonic();
  if (seat.is_waiting) return now >= seat.until || (*seat.over)();
  return seat.steps.NextDue() <= now;
}

bool WaitingExecutor::RunOne() {
  for (size_t i = 0; i < seats_.size(); ++i) {
    Seat& seat = *seats_[(turn_ + i) % seats_.size()];
    if (!IsDue(seat)) continue;
    turn_ = (turn_ + i + 1) % seats_.size();
    Run(seat);
    return true;
  }
  return false;
}

Duration WaitingExecutor::NextDue() const {
  Duration next = kNever;
  for (const auto& seat : seats_) {
    next = std::min(next, seat->is_waiting ? seat->until : seat->steps.NextDue());
  }
  return next;
}

}  // namespace skiff
