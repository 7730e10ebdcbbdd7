#include "e2e/simulation/waiting_executor.h"

#include <algorithm>
#include <semaphore>
#include <thread>

#include "base/error.h"

namespace skiff {

struct WaitingExecutor::Hand {
  std::binary_semaphore go{0}, back{0};
  SteppedExecutor* steps = nullptr;  // Of the loop whose step it runs; nullptr: it ends.
  std::jthread thread{[this] { Live(); }};

  ~Hand() {
    steps = nullptr;
    go.release();
  }
  void Live() {
    for (go.acquire(); steps != nullptr; go.acquire()) {
      steps->RunOne();
      back.release();
    }
  }
  void Run() {
    go.release();
    back.acquire();
  }
};

struct WaitingExecutor::Seat {
  Seat(ControlLoop& of, FakeClock& clock) : loop(of), steps(clock, 1) { steps.Add(of); }

  ControlLoop& loop;
  SteppedExecutor steps;  // Of this loop alone.
  bool is_waiting = false;
  Duration until{};                             // Monotonic.
  const std::function<bool()>* over = nullptr;  // While it waits.
  bool is_removed = false;
  std::unique_ptr<Hand> hand;  // Within a step.
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
    seat->hand->back.release();
    seat->hand->go.acquire();
    seat->is_waiting = false;
  }
  return !seat->is_removed;
}

void WaitingExecutor::Run(Seat& seat) {
  Seat* const before = std::exchange(current_, &seat);
  if (!seat.hand && idle_.empty()) idle_.push_back(std::make_unique<Hand>());
  if (!seat.hand) {
    seat.hand = std::move(idle_.back());
    idle_.pop_back();
    seat.hand->steps = &seat.steps;
  }
  seat.hand->Run();
  if (!seat.is_waiting) idle_.push_back(std::move(seat.hand));
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
