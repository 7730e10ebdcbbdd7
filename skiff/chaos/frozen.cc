#include "skiff/chaos/frozen.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/process.h"
#include "skiff/chaos/machine.h"

namespace skiff::chaos {
namespace {

// Nothing tells of a thread that is in the kernel for a moment.
void AwaitMoment() {
  constexpr int kMomentMs = 10;
  poll(nullptr, 0, kMomentMs);
}
constexpr int kRoundsMax = 200;

}  // namespace

Result<bool> Frozen::Trace(pid_t thread) {
  if (is_stopped_.contains(thread)) return false;
  if (is_stopped_.size() >= kThreadsMax) {
    return Fail(Reason::kForbidden,
                fmt::format("there are more than {} threads; pause less", kThreadsMax));
  }
  if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
    // It has ended, or is ending: who does is not to be traced any more.
    const int error = errno;
    if (error == ESRCH || (error == EPERM && HasThreadEnded(thread))) return false;
    return Fail(Reason::kForbidden,
                fmt::format("process {} cannot be stopped: {}; is it traced by a debugger, or is "
                            "CAP_SYS_PTRACE missing?",
                            thread, std::strerror(error)));
  }
  is_stopped_[thread] = false;
  ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
  return true;
}

Result<bool> Frozen::TraceAll(const std::vector<std::string>& groups) {
  bool is_any_new = false;
  for (const ProcessId& process : ProcessesIn(groups)) {
    for (const pid_t thread : ThreadsOf(process.pid)) {
      const bool is_new = TRY(Trace(thread));
      is_any_new |= is_new;
    }
  }
  return is_any_new;
}

bool Frozen::AreAllStopped() const {
  return std::all_of(is_stopped_.begin(), is_stopped_.end(),
                     [](const auto& thread) { return thread.second; });
}

Result<> Frozen::Stop(const std::vector<std::string>& groups) {
  // What is not stopped yet may begin more; each round stops all that there is. A thread that waits
  // in the kernel for another one, as after vfork, stops when it comes back.
  for (int round = 0; round < kRoundsMax; ++round) {
    const bool is_any_new = TRY(TraceAll(groups));
    Reap();
    if (is_stopped_.empty()) return Fail(Reason::kNotFound, "nothing of it runs any more");
    if (!is_any_new && AreAllStopped()) return {};
    AwaitMoment();
  }
  return {};
}

void Frozen::Reap() {
  int status = 0;
  for (pid_t thread = 0; (thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
    if (!WIFSTOPPED(status)) {
      is_stopped_.erase(thread);
    } else if (status >> 16 == 0) {
      // On its way to a signal, which it has to get: it stops right behind that.
      ptrace(PTRACE_CONT, thread, nullptr, WSTOPSIG(status));
    } else if (const auto known = is_stopped_.find(thread); known != is_stopped_.end()) {
      known->second = true;
    }
  }
}

Frozen::~Frozen() {
  for (int round = 0; round < kRoundsMax && !is_stopped_.empty(); ++round) {
    if (round > 0) AwaitMoment();
    Reap();
    std::erase_if(is_stopped_, [](const auto& thread) {
      return thread.second && ptrace(PTRACE_DETACH, thread.first, nullptr, nullptr) == 0;
    });
  }
}

}  // namespace skiff::chaos
