#include "skiff/chaos/container_clocks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/process.h"
#include "skiff/chaos/machine.h"
#include "skiff/chaos/process_clock.h"
#include "skiff/chaos/stopped_process.h"

namespace skiff::chaos {
namespace {

// A program that holds us up longer than this does so of purpose; all of them together no longer
// than that, as others wait to begin meanwhile, and the end of the fault.
constexpr Duration kHeldUpMin = std::chrono::milliseconds(500);
constexpr Duration kHeldUpMax = std::chrono::seconds(5);

std::string LinkOf(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

pid_t ProcessOf(pid_t thread) {
  std::ifstream lines(fmt::format("/proc/{}/status", thread));
  constexpr std::string_view kProcess = "Tgid:";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kProcess)) return std::atoi(line.c_str() + kProcess.size());
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<ContainerClocks>> ContainerClocks::Begin(
    const std::vector<std::string>& groups, const ClockFault& fault) {
  std::unique_ptr<ContainerClocks> clocks(new ContainerClocks(groups, fault));
  const auto begin = [&]() -> Result<> {
    TRY(clocks->Watch());
    return clocks->MakeAllWrong();
  };
  if (auto begun = begin(); !begun) {
    clocks.reset();
    (void)MakeClocksRight(groups);
    TakeClockPagesAway(groups);
    return Fail(begun.error());
  }
  return clocks;
}

Result<> ContainerClocks::Watch() {
  file_ = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_TID,
                        O_RDONLY | O_CLOEXEC);
  if (file_ < 0) {
    return Fail(Reason::kForbidden,
                fmt::format("programs that begin cannot be seen (fanotify): {}; CAP_SYS_ADMIN and "
                            "a kernel with FANOTIFY_ACCESS_PERMISSIONS are needed",
                            std::strerror(errno)));
  }
  answers_.emplace(file_);
  const auto processes = ProcessesIn(groups_);
  if (processes.empty()) return Fail(Reason::kNotFound, "nothing of it runs any more");
  const std::string own_mounts = LinkOf("/proc/self/ns/mnt");
  for (const ProcessId& process : processes) {
    // One that has entered the machine's own mounts would have us asked about all programs there.
    const pid_t thread = LivingThreadOf(process.pid);
    const std::string mounts = LinkOf(fmt::format("/proc/{}/ns/mnt", thread));
    const int root =
        open(fmt::format("/proc/{}/root", thread).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // The number was not another's when that was opened, if it is not now.
    const bool is_to_be = IsAlive(process) && mounts != own_mounts;
    const bool is_marked =
        is_to_be && fanotify_mark(file_, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC_PERM, root,
                                  nullptr) == 0;
    const int error = errno;
    if (root >= 0) close(root);
    if (is_marked || !is_to_be || !IsAlive(process)) continue;
    return Fail(Reason::kForbidden, fmt::format("programs that begin cannot be seen (fanotify): {}",
                                                std::strerror(error)));
  }
  return {};
}

Result<> ContainerClocks::MakeAllWrong() {
  // Who began before the first round saw it has children that the second one sees; and once more
  // where one has begun that was not traced before.
  constexpr int kRoundsMin = 2, kRoundsMax = 5;
  for (int round = 0; round < kRoundsMax; ++round) {
    const bool was_any_missed = std::exchange(was_any_missed_, false);
    if (round >= kRoundsMin && !was_any_missed) break;
    for (const ProcessId& process : ProcessesIn(groups_)) TRY(MakeOneWrong(process));
    TakeMissed();
  }
  return {};
}

Result<> ContainerClocks::MakeOneWrong(const ProcessId& process) {
  const bool is_beginning =
      std::any_of(beginners_.begin(), beginners_.end(),
                  [&](const auto& beginner) { return beginner.second.process == process.pid; });
  if (is_beginning) return {};
  // It may itself wait for our answer, while we wait for it to be traced.
  constexpr Duration kPatience = std::chrono::seconds(1);
  stopping_ = process.pid;
  Result<> made;
  answers_->Beside(kPatience,
                   [&] { made = MakeClockWrong(process, fault_, [this] { Serve(); }); });
  stopping_ = 0;
  return made;
}

void ContainerClocks::Serve() {
  TakeNews();
  TakeMissed();
  LookAtBeginners();
  if (stopping_ == 0) SeeToLateOnes();
}

void ContainerClocks::TakeNews() {
  // No more in a row, however many ask: those that were traced wait to be looked at.
  constexpr int kAskedMax = 64;
  for (int i = 0; i < kAskedMax; ++i) {
    const auto asked = answers_->Next();
    if (!asked) return;
    bool is_traced = false;
    const bool had_to_begin = answers_->After(*asked, traced_within_, [&] {
      is_traced = Expect(asked->thread, ProcessOf(asked->thread));
    });
    if (!had_to_begin) continue;
    // By this kernel none is traced before.
    constexpr Duration kMoment = std::chrono::milliseconds(2);
    traced_within_ = kMoment;
    if (is_traced) HasBegun(asked->thread);
  }
}

void ContainerClocks::TakeMissed() {
  for (const BeginAnswers::Missed& missed : answers_->TakeMissed()) {
    was_any_missed_ = true;
    // It may be about to ask once more, and hold what we wait for.
    answers_->Beside(traced_within_, [&] {
      if (beginners_.contains(missed.thread)) return;
      for (const pid_t thread : {missed.thread, missed.process}) {
        if (!Expect(thread, missed.process)) continue;
        HasBegun(thread);
        return;
      }
    });
  }
}

bool ContainerClocks::Expect(pid_t thread, pid_t process) {
  constexpr size_t kBeginnersMax = 8192;
  if (beginners_.contains(thread) || beginners_.size() >= kBeginnersMax) return false;
  if (process == 0 || process == stopping_ || !IsIn(process, groups_)) return false;
  if (ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACEEXEC) != 0) return false;
  beginners_[thread] = {.process = process};
  return true;
}

// It has, or is about to before its program's first instruction: nothing else lets it stop.
void ContainerClocks::HasBegun(pid_t thread) {
  Beginner& beginner = beginners_.at(thread);
  beginner.has_begun = true;
  if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0) return;
  ptrace(PTRACE_INTERRUPT, beginner.process, nullptr, nullptr);
}

void ContainerClocks::LookAtBeginners() {
  for (auto each = beginners_.begin(); each != beginners_.end();) {
    each = LookAt(each->first, each->second) ? beginners_.erase(each) : std::next(each);
  }
}

// Whether nothing more is to be awaited of it.
bool ContainerClocks::LookAt(pid_t thread, Beginner& beginner) {
  while (true) {
    int status = 0;
    pid_t changed = waitpid(thread, &status, __WALL | WNOHANG);
    // Whichever thread begins a program has the number of the first one then.
    if (changed < 0 && errno == ECHILD && beginner.process != thread) {
      thread = beginner.process;
      changed = waitpid(thread, &status, __WALL | WNOHANG);
    }
    if (changed == 0) return false;
    if (changed < 0 || !WIFSTOPPED(status)) return true;
    const int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXEC) {
      beginner.has_begun = true;
      ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
      ptrace(PTRACE_CONT, thread, nullptr, nullptr);
    } else if (event == PTRACE_EVENT_STOP && beginner.has_begun) {
      const auto process = StoppedProcess::OfStopped(beginner.process, thread);
      if (!process->IsWhole()) {
        if (const auto late = IdentifyProcess(beginner.process)) late_.push_back(*late);
        return true;
      }
      // What cannot be made wrong is a program of another kind, which goes on with the right time.
      WithinBounds([&] { (void)MakeClockWrong(beginner.process, *process, fault_); });
      return true;
    } else if (event == PTRACE_EVENT_STOP) {
      ptrace(signal == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, thread, nullptr, nullptr);
    } else {
      ptrace(PTRACE_CONT, thread, nullptr, event == 0 ? signal : 0);
    }
  }
}

void ContainerClocks::SeeToLateOnes() {
  for (const ProcessId& process : std::exchange(late_, {})) {
    WithinBounds([&] { (void)MakeOneWrong(process); });
  }
}

void ContainerClocks::WithinBounds(const std::function<void()>& work) {
  if (held_up_ >= kHeldUpMax) return;
  const Duration since = clock_.Monotonic();
  work();
  if (const Duration took = clock_.Monotonic() - since; took > kHeldUpMin) held_up_ += took;
}

ContainerClocks::~ContainerClocks() {
  // Whoever waits to be let begin begins.
  answers_.reset();
  if (file_ >= 0) close(file_);
  constexpr int kRoundsMax = 500, kMomentMs = 2;
  for (const auto& [thread, beginner] : beginners_) {
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
  }
  for (int round = 0; round < kRoundsMax && !beginners_.empty(); ++round) {
    if (round > 0) poll(nullptr, 0, kMomentMs);
    std::erase_if(beginners_, [](const auto& beginner) {
      int status = 0;
      pid_t thread = beginner.first;
      pid_t changed = waitpid(thread, &status, __WALL | WNOHANG);
      if (changed < 0 && beginner.second.process != thread) {
        thread = beginner.second.process;
        changed = waitpid(thread, &status, __WALL | WNOHANG);
      }
      if (changed == 0) return false;
      if (changed < 0 || !WIFSTOPPED(status)) return true;
      const bool is_signal = status >> 16 == 0;
      ptrace(PTRACE_DETACH, thread, nullptr, is_signal ? WSTOPSIG(status) : 0);
      return true;
    });
  }
}

Result<> MakeClocksRight(const std::vector<std::string>& groups) {
  // Each round finds what was forked meanwhile of those that it came to later; a pod may be faster
  // than that for ever.
  constexpr Duration kPatience = std::chrono::seconds(5);
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + kPatience;
  Result<> all;
  bool was_any = true;
  while (was_any && clock.Monotonic() < deadline) {
    was_any = false;
    all = {};
    for (const ProcessId& process : ProcessesIn(groups)) {
      const auto was_wrong = EndClockFault(process, clock.Monotonic());
      was_any |= !was_wrong || *was_wrong;
      if (!was_wrong) all = Fail(was_wrong.error());
    }
  }
  if (all && was_any) {
    return Fail(Reason::kTimeout,
                "processes begin faster than their clocks are made right; that of some may stay "
                "wrong until the fault's end");
  }
  return all;
}

void TakeClockPagesAway(const std::vector<std::string>& groups) {
  constexpr Duration kPatience = std::chrono::seconds(3);
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + kPatience;
  for (const ProcessId& process : ProcessesIn(groups)) {
    if (clock.Monotonic() > deadline) return;
    TakeClockPageAway(process);
  }
}

}  // namespace skiff::chaos
