// The wall clocks of processes in containers, wrong for a while (vdso_clock.h says how).
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/wrong_clock.h"
#include "skiff/chaos/begin_answers.h"

namespace skiff::chaos {

// Of all processes in some groups, and of the programs that begin in them meanwhile: the kernel
// asks us before one begins (fanotify(7)), as long as we are there to be asked. All calls by one
// thread.
class ContainerClocks {
 public:
  // Either all of them are wrong then, or an error says why one cannot be, and all are right.
  static Result<std::unique_ptr<ContainerClocks>> Begin(const std::vector<std::string>& groups,
                                                        const ClockFault& fault);
  ContainerClocks(const ContainerClocks&) = delete;
  ContainerClocks& operator=(const ContainerClocks&) = delete;
  // Programs that begin have the right time from then on.
  ~ContainerClocks();

  // Readable when a program is about to begin.
  int file() const { return file_; }
  // To be called then, and when a child or a tracee has changed (SIGCHLD).
  void Serve();

 private:
  ContainerClocks(std::vector<std::string> groups, const ClockFault& fault)
      : groups_(std::move(groups)), fault_(fault) {}
  Result<> Watch();
  Result<> MakeAllWrong();
  Result<> MakeOneWrong(const ProcessId& process);
  void TakeNews();
  void TakeMissed();
  // Whether the thread of that process is traced from now on, until it has begun another program.
  bool Expect(pid_t thread, pid_t process);
  void HasBegun(pid_t thread);
  void LookAtBeginners();
  void SeeToLateOnes();
  // Does that, unless too much time was lost by such already.
  void WithinBounds(const std::function<void()>& work);

  // A thread that is about to begin another program.
  struct Beginner {
    pid_t process;
    bool has_begun = false;
  };
  bool LookAt(pid_t thread, Beginner& beginner);

  const std::vector<std::string> groups_;
  const ClockFault fault_;
  const SystemClock clock_;
  Duration held_up_ = {};  // By programs that began.
  bool was_any_missed_ = false;  // That began without being traced before.
  int file_ = -1;
  std::optional<BeginAnswers> answers_;  // To those who ask by it.
  Duration traced_within_ = std::chrono::milliseconds(20);
  std::map<pid_t, Beginner> beginners_;  // By thread.
  std::vector<ProcessId> late_;  // Whose programs had threads when they were stopped.
  pid_t stopping_ = 0;  // The process that is being stopped, and seen to by that; 0: none.
};

// Has all processes in those groups tell the right time again, also those that cannot be stopped,
// and looks whether they do. Can be repeated. An error says whose clock is wrong until the fault's
// end; five seconds are enough for all but a pod that holds us up.
Result<> MakeClocksRight(const std::vector<std::string>& groups);
// Puts back what they began with, after that; where a process cannot be stopped, what leads to its
// page stays, and tells the right time.
void TakeClockPagesAway(const std::vector<std::string>& groups);

}  // namespace skiff::chaos
