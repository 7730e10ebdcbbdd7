// Clocks of containers in the hands of a process of its own: what it traces and reads belongs to a
// pod, which can keep it waiting in the kernel for as long as it likes (execs by many threads,
// memory whose pages it hands out itself). It can be killed there, and then lets go of all.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/wrong_clock.h"

namespace skiff::chaos {

// A process that runs one function. It ends with who began it, however that ends. One thread's.
class Helper {
 public:
  // `say` may be called once there, with what Hear is to return. It has no file of ours open but
  // the first three.
  using Work = std::function<void(const std::function<void(const Result<>&)>& say)>;
  static Result<Helper> Start(const Work& work);
  Helper(Helper&& other) noexcept;
  Helper& operator=(Helper&&) = delete;
  // It is killed.
  ~Helper();

  // kTimeout: it said nothing so far. kInternalError: it has ended without a word.
  Result<> Hear(Duration patience);
  // Whether it has ended by then.
  bool AwaitEnd(Duration patience);
  void Signal(int signal) const;

 private:
  Helper(pid_t process, int said) : process_(process), said_(said) {}
  pid_t process_;  // 0: it has ended.
  int said_;
};

// Whoever is still at something after that time is killed, wherever in the kernel he waits.
class HoldUpBound {
 public:
  explicit HoldUpBound(Duration time);
  HoldUpBound(const HoldUpBound&) = delete;
  HoldUpBound& operator=(const HoldUpBound&) = delete;
  ~HoldUpBound();

 private:
  timer_t timer_{};
  bool is_set_ = false;
};

// What ContainerClocks does, within bounds. Who holds it up for longer than kHoldUpMax once it is
// on is its end: programs that begin have the right time from then on. Signals of children come
// while it is there.
class ClockHand {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(30);
  static constexpr Duration kHoldUpMax = std::chrono::seconds(15);
  // As ContainerClocks::Begin; kTimeout: a process of theirs did not let us in that time.
  static Result<ClockHand> Begin(const std::vector<std::string>& groups, const ClockFault& fault,
                                 Duration patience = kPatience);
  ClockHand(ClockHand&&) = default;
  ClockHand& operator=(ClockHand&&) = delete;
  // Programs that begin have the right time from then on; within three seconds.
  ~ClockHand();

 private:
  explicit ClockHand(Helper helper) : helper_(std::move(helper)) {}
  Helper helper_;
};

// MakeClocksRight and TakeClockPagesAway, within fifteen seconds. An error says whose clock may
// stay wrong until the fault's end.
Result<> LetClocksBeRight(const std::vector<std::string>& groups);

}  // namespace skiff::chaos
