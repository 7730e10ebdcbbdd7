// Calls that take time, in a simulation on one thread: a loop of this executor may wait in the
// middle of its step while everything else goes on.
//
//   WaitingExecutor blocking(clock);   // A kubelet's KubeletDependencies::blocking.
//   ... in a step of one of its loops, as a runtime that is told to stop a container:
//   if (!blocking.Wait(30s, [&] { return has_ended; })) return ...;  // Nobody waits any more.
//
// Every step has a thread until it ends. But no two ever run: whoever starts or resumes a step
// stands still until that waits or ends. So a seed still means one run.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/control_loop.h"

namespace skiff {

class WaitingExecutor final : public Executor {
 public:
  explicit WaitingExecutor(FakeClock& clock);
  ~WaitingExecutor() override;

  void Add(ControlLoop& loop) override;
  // A step of the loop that waits goes on at once, to its end.
  void Remove(ControlLoop& loop) override;
  void Wake(ControlLoop& loop) override;

  // Within a step of a loop: lets at most that much time pass, until `over`. False when the loop is
  // being removed; then at once. Outside of any step no time passes.
  bool Wait(Duration length, const std::function<bool()>& over);

  // Starts or resumes one step that is due; false when none is.
  bool RunOne();
  Duration NextDue() const;

 private:
  struct Hand;  // A thread, and how it is told to go on.
  struct Seat;
  Seat* Find(const ControlLoop& loop) const;
  bool IsDue(const Seat& seat) const;
  void Run(Seat& seat);

  FakeClock& clock_;
  std::vector<std::unique_ptr<Hand>> idle_;
  std::vector<std::unique_ptr<Seat>> seats_;
  Seat* current_ = nullptr;
  size_t turn_ = 0;
};

}  // namespace skiff
