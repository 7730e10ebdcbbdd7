// The wall clock of one process, made wrong by its vDSO (vdso_clock.h says how), and right again.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/wrong_clock.h"
#include "skiff/chaos/stopped_process.h"

namespace skiff::chaos {

// What is called while a process is awaited that is in the kernel for a moment.
using Meanwhile = std::function<void()>;

// It is stopped for the moment; nothing is done to one that has ended. kForbidden: it can have no
// clock that is wrong, or one whose fault would not end.
Result<> MakeClockWrong(const ProcessId& process, const ClockFault& fault,
                        const Meanwhile& meanwhile);
// Of one that stands still, with all of its threads.
Result<> MakeClockWrong(pid_t process, StoppedProcess& stopped, const ClockFault& fault);

// Returns whether it was wrong at that monotonic time. It need not stand still, nor be one that can
// be stopped: its page is told that the end has come.
Result<bool> EndClockFault(const ProcessId& process, Duration now);
// Has its functions begin as they did, where it can be stopped for that.
void TakeClockPageAway(const ProcessId& process);

}  // namespace skiff::chaos
