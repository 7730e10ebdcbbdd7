// Answers to programs that ask whether they may begin (fanotify_init(2), FAN_CLASS_CONTENT), which
// wait until they have one. In the kernel such a program holds what its tracers need: before Linux
// 6.8 from the start, in all of them while its interpreter is opened. Who begins to trace it then
// waits for it, and it for him; so an alarm answers, as no other call of his gets on.
#pragma once

#include <functional>

#include "base/clock.h"

namespace skiff::chaos {

// One in a process, as its alarm (SIGALRM, ITIMER_REAL) is.
class BeginAnswers {
 public:
  // `file`: fanotify's, which does not block and stays open.
  explicit BeginAnswers(int file);
  BeginAnswers(const BeginAnswers&) = delete;
  BeginAnswers& operator=(const BeginAnswers&) = delete;
  ~BeginAnswers();

  // Lets the program begin that asked with this event's file, after `work`, or sooner: as soon as
  // that takes longer than `patience`. Returns whether it was sooner.
  bool After(int asked, Duration patience, const std::function<void()>& work);
  // Does `work`. Whoever asks meanwhile and is not answered by it within about `patience` may
  // begin.
  void Beside(Duration patience, const std::function<void()>& work);
  // How often somebody was let begin by the alarm, of whom nobody has heard.
  int missed() const;
};

}  // namespace skiff::chaos
