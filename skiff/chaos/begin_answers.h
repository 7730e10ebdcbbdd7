// Answers to programs that ask whether they may begin (fanotify_init(2), FAN_CLASS_CONTENT), which
// wait until they have one. In the kernel such a program holds what its tracers need: before Linux
// 6.8 from the start, in all of them while its interpreter is opened. Who begins to trace it then
// waits for it, and it for him; so an alarm answers, as no other call of his gets on.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace skiff::chaos {

// One in a process, as its alarm (SIGALRM, ITIMER_REAL) is.
class BeginAnswers {
 public:
  // A thread that is about to begin another program.
  struct Asked {
    pid_t thread;
    int file;  // The event's own, by which it is answered.
  };
  // One that was let begin by the alarm, before anybody else heard of it.
  struct Missed {
    pid_t thread;   // Of then: whichever thread begins a program has its process's number after.
    pid_t process;  // 0: unknown.
  };
  static constexpr int kMissedMax = 256;  // Those on top of it are let begin, and forgotten.

  // `file`: fanotify's, which does not block and stays open.
  explicit BeginAnswers(int file);
  BeginAnswers(const BeginAnswers&) = delete;
  BeginAnswers& operator=(const BeginAnswers&) = delete;
  ~BeginAnswers();

  // Who asks next; to be answered by After. The others can be answered by the alarm meanwhile.
  std::optional<Asked> Next();
  // Lets it begin after `work`, or sooner: as soon as that takes longer than `patience`; and the
  // others that ask, where it takes twice as long. Returns whether it was sooner.
  bool After(const Asked& asked, Duration patience, const std::function<void()>& work);
  // Does `work`. Whoever asks meanwhile and is not answered by it within about `patience` may
  // begin.
  void Beside(Duration patience, const std::function<void()>& work);
  // Since it was asked for last.
  std::vector<Missed> TakeMissed();
};

}  // namespace skiff::chaos
