#include "skiff/chaos/container_clocks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/process.h"
#include "skiff/chaos/machine.h"
#include "skiff/chaos/vdso_clock.h"

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

struct Range {
  uint64_t begin = 0, end = 0;
  std::string name;
};
// What a process has in its memory, by address. None: it has ended.
std::vector<Range> RangesOf(pid_t process) {
  std::vector<Range> ranges;
  std::ifstream lines(fmt::format("/proc/{}/maps", process));
  for (std::string line; std::getline(lines, line);) {
    Range range;
    char dash = 0;
    std::string rights, offset, device, inode;
    std::istringstream fields(line);
    if (!(fields >> std::hex >> range.begin >> dash >> range.end)) break;
    fields >> rights >> offset >> device >> inode >> range.name;
    ranges.push_back(std::move(range));
  }
  return ranges;
}

// Not a file's, which somebody else may be long in giving: a process jumps wherever it likes.
bool IsPlainMemory(const std::vector<Range>& ranges, uint64_t page) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return range.name.empty() && range.begin <= page && page < range.end;
  });
}

std::optional<ClockPageHead> HeadAt(pid_t process, uint64_t page) {
  const auto there = ReadMemory(process, page, sizeof(ClockPageHead));
  return there ? ReadHead(*there) : std::nullopt;
}

// A program that may do next to nothing is killed for a call that it did not make itself.
bool MayCallNothing(pid_t process) {
  std::ifstream lines(fmt::format("/proc/{}/status", process));
  for (std::string line; std::getline(lines, line);) {
    if (line == "Seccomp:\t1") return true;
  }
  return false;
}

// One process whose clock is, or is to be, wrong.
struct Patched {
  pid_t process;
  std::vector<Range> ranges;
  Range image;  // The vDSO among them.
  Vdso vdso;
  uint64_t page = 0;  // Where our code is that its functions go on at; 0: nowhere.
  ClockPageHead head;
};

// nullopt: it has ended meanwhile. It need not stand still, if nothing is to be changed by this.
Result<std::optional<Patched>> LookInto(pid_t pid) {
  std::vector<Range> ranges = RangesOf(pid);
  const auto found = std::find_if(ranges.begin(), ranges.end(),
                                  [](const Range& range) { return range.name == "[vdso]"; });
  const Range image = found == ranges.end() ? Range() : *found;
  if (image.begin == 0) {
    if (ranges.empty()) return std::nullopt;
    return Fail(Reason::kForbidden,
                fmt::format("process {} has no vDSO: its clock is the kernel's own", pid));
  }
  if (image.end <= image.begin || image.end - image.begin > kVdsoBytesMax) {
    return Fail(Reason::kForbidden, fmt::format("process {} has a strange vDSO", pid));
  }
  const std::string bytes = TRY(ReadMemory(pid, image.begin, image.end - image.begin));
  auto vdso = ReadVdso(bytes);
  if (!vdso) {
    return Fail(Reason::kForbidden, fmt::format("process {}: {}", pid, vdso.error().message));
  }
  Patched patched{.process = pid,
                  .ranges = std::move(ranges),
                  .image = image,
                  .vdso = *vdso,
                  .page = 0,
                  .head = {}};
  const uint64_t at = vdso->functions[0];
  const auto target = TargetOfJump(image.begin + at, std::string_view(bytes).substr(at));
  if (target) {
    const uint64_t page = *target / kClockPageBytes * kClockPageBytes;
    const auto head = IsPlainMemory(patched.ranges, page) ? HeadAt(pid, page) : std::nullopt;
    if (head) {
      patched.page = page;
      patched.head = *head;
      return patched;
    }
  }
  for (size_t i = 0; i < kClockFunctions.size(); ++i) {
    bytes.copy(patched.head.originals[i].data(), kJumpBytes, vdso->functions[i]);
  }
  return patched;
}

// No thread may come back into the middle of what is about to be another instruction.
Result<> CheckNobodyIsInside(const Patched& patched, const StoppedProcess& stopped) {
  for (const uint64_t next : TRY(stopped.NextInstructions())) {
    for (const uint64_t function : patched.vdso.functions) {
      const uint64_t begin = patched.image.begin + function;
      if (next > begin && next < begin + kJumpBytes) {
        return Fail(Reason::kConflict, "a thread is asking for the time right now");
      }
    }
  }
  return {};
}

// Whether a jump from the image leads there.
bool IsNear(const Patched& patched, uint64_t at) {
  constexpr uint64_t kReach = 1 << 30;
  return at + kReach > patched.image.begin && patched.image.begin + kReach > at;
}

// Where one of ours was left; 0: nowhere.
uint64_t FindOldPage(const Patched& patched) {
  for (const Range& range : patched.ranges) {
    const bool may_be = range.name.empty() && range.end - range.begin == kClockPageBytes;
    if (!may_be || !IsNear(patched, range.begin)) continue;
    if (HeadAt(patched.process, range.begin)) return range.begin;
  }
  return 0;
}

// The nearest page where nothing is, as far from a stack as can be: that grows downwards.
Result<uint64_t> MapNewPage(const Patched& patched, StoppedProcess& stopped) {
  uint64_t room = 0;
  const auto distance = [&](uint64_t at) {
    return at < patched.image.begin ? patched.image.begin - at : at - patched.image.begin;
  };
  for (size_t i = 1; i < patched.ranges.size(); ++i) {
    const uint64_t begin = patched.ranges[i - 1].end, end = patched.ranges[i].begin;
    constexpr uint64_t kRoomMin = 16 * kClockPageBytes;
    if (end < begin || end - begin < kRoomMin) continue;
    const uint64_t at = patched.ranges[i].name == "[stack]" ? begin : end - kClockPageBytes;
    if (IsNear(patched, at) && (room == 0 || distance(at) < distance(room))) room = at;
  }
  if (room == 0) return Fail(Reason::kForbidden, "there is no room beside its vDSO");
  TRY(stopped.MapPage(room, kClockPageBytes, patched.image.begin + patched.vdso.system_call));
  return room;
}

Result<> MakeWrong(const Patched& patched, StoppedProcess& stopped, const ClockFault& fault) {
  const ClockPageHead head = HeadOf(fault, patched.head.originals);
  if (patched.page != 0) {
    return stopped.Write(patched.page, {reinterpret_cast<const char*>(&head), sizeof head});
  }
  const ClockCode code = MakeClockCode(head);
  if (code.page.empty()) {
    return Fail(Reason::kForbidden,
                "clocks of containers can be wrong on machines of x86-64 alone");
  }
  TRY(CheckNobodyIsInside(patched, stopped));
  uint64_t page = FindOldPage(patched);
  if (page == 0) page = TRY(MapNewPage(patched, stopped));
  TRY(stopped.Write(page, code.page));
  for (size_t i = 0; i < kClockFunctions.size(); ++i) {
    const uint64_t at = patched.image.begin + patched.vdso.functions[i];
    const auto jump = JumpTo(at, page + code.functions[i]);
    if (!jump) return Fail(Reason::kConflict, "there is no room beside its vDSO");
    TRY(stopped.Write(at, {jump->data(), jump->size()}));
  }
  return {};
}

// The first function is the last one: by it a page is found, if this is cut short.
Result<> TakeAway(const Patched& patched, StoppedProcess& stopped) {
  if (patched.page == 0) return {};
  TRY(CheckNobodyIsInside(patched, stopped));
  for (size_t i = kClockFunctions.size(); i-- > 0;) {
    const auto& original = patched.head.originals[i];
    TRY(stopped.Write(patched.image.begin + patched.vdso.functions[i],
                      {original.data(), original.size()}));
  }
  return {};
}

// Stops it, does that to it, and lets it go on; again, where a thread stood where it may not.
Result<> Change(pid_t pid, const std::function<void()>& meanwhile,
                const std::function<Result<>(const Patched&, StoppedProcess&)>& change) {
  constexpr int kAttempts = 20;
  Result<> changed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto process = StoppedProcess::Stop(pid, meanwhile);
    if (!process && process.error().reason == Reason::kNotFound) return {};
    if (!process) return Fail(process.error());
    const auto patched = TRY(LookInto(pid));
    if (!patched) return {};
    changed = change(*patched, **process);
    if (changed || changed.error().reason != Reason::kConflict) return changed;
  }
  return changed;
}

// Whether it was wrong until then. It need not stand still, nor be one that can be stopped: its
// page is told that the end has come.
Result<bool> EndFault(pid_t pid, Duration now) {
  const auto patched = LookInto(pid);
  const bool is_wrong =
      patched && *patched && (*patched)->page != 0 && (*patched)->head.ends > now.count();
  if (!is_wrong) return false;
  const int64_t ends = 0;
  const std::string_view bytes(reinterpret_cast<const char*>(&ends), sizeof ends);
  constexpr uint64_t kAt = offsetof(ClockPageHead, ends);
  if (WriteMemory(pid, (*patched)->page + kAt, bytes)) return true;
  // There are kernels where only a tracer may.
  const auto end = [&](const Patched& now_there, StoppedProcess& stopped) -> Result<> {
    return now_there.page == 0 ? Result<>() : stopped.Write(now_there.page + kAt, bytes);
  };
  TRY(Change(pid, [] {}, end));
  return true;
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
    const std::string mounts = LinkOf(fmt::format("/proc/{}/ns/mnt", process.pid));
    const int root = open(fmt::format("/proc/{}/root", process.pid).c_str(),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
  // where one has begun of whom we have not heard.
  constexpr int kRoundsMin = 2, kRoundsMax = 5;
  int missed = 0;
  for (int round = 0; round < kRoundsMax; ++round) {
    if (round >= kRoundsMin && std::exchange(missed, answers_->missed()) == missed) break;
    missed = answers_->missed();
    for (const ProcessId& process : ProcessesIn(groups_)) TRY(MakeOneWrong(process.pid));
  }
  return {};
}

Result<> ContainerClocks::MakeOneWrong(pid_t process) {
  const bool is_beginning =
      std::any_of(beginners_.begin(), beginners_.end(),
                  [&](const auto& beginner) { return beginner.second.process == process; });
  if (is_beginning) return {};
  const std::string time = LinkOf(fmt::format("/proc/{}/ns/time", process));
  if (!time.empty() && time != LinkOf("/proc/self/ns/time")) {
    return Fail(Reason::kForbidden,
                fmt::format("process {} has clocks of a time namespace of its own, by which the "
                            "fault would not end",
                            process));
  }
  if (MayCallNothing(process)) {
    return Fail(Reason::kForbidden,
                fmt::format("process {} may make no system calls (seccomp), and would be killed "
                            "for asking for the time by one",
                            process));
  }
  // It may itself wait for our answer, while we wait for it to be traced.
  constexpr Duration kPatience = std::chrono::seconds(1);
  stopping_ = process;
  Result<> made;
  answers_->Beside(kPatience, [&] {
    made = Change(process, [this] { Serve(); },
                  [this](const Patched& patched, StoppedProcess& stopped) {
                    return MakeWrong(patched, stopped, fault_);
                  });
  });
  stopping_ = 0;
  return made;
}

void ContainerClocks::Serve() {
  TakeNews();
  LookAtBeginners();
}

void ContainerClocks::TakeNews() {
  alignas(fanotify_event_metadata) std::array<char, 16 << 10> buffer;
  for (ssize_t size = 0; (size = read(file_, buffer.data(), buffer.size())) > 0;) {
    const auto* event = reinterpret_cast<const fanotify_event_metadata*>(buffer.data());
    for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
      if (event->fd < 0) continue;
      bool is_traced = false;
      const bool had_to_begin = answers_->After(
          event->fd, traced_within_, [&] { is_traced = Expect(event->pid); });
      if (!had_to_begin) continue;
      // By this kernel none is traced before.
      constexpr Duration kMoment = std::chrono::milliseconds(2);
      traced_within_ = kMoment;
      if (is_traced) HasBegun(event->pid);
    }
  }
}

bool ContainerClocks::Expect(pid_t thread) {
  constexpr size_t kBeginnersMax = 8192;
  if (beginners_.contains(thread) || beginners_.size() >= kBeginnersMax) return false;
  const pid_t process = ProcessOf(thread);
  const auto mine = ProcessesIn(groups_);
  const bool is_mine = std::any_of(mine.begin(), mine.end(), [&](const ProcessId& each) {
    return each.pid == process;
  });
  if (!is_mine || process == stopping_) return false;
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
      const auto patched = LookInto(beginner.process);
      // What cannot be made wrong is a program of another kind, which goes on with the right time.
      const Duration since = clock_.Monotonic();
      if (patched && *patched && held_up_ < kHeldUpMax) {
        (void)MakeWrong(**patched, *process, fault_);
      }
      if (const Duration took = clock_.Monotonic() - since; took > kHeldUpMin) held_up_ += took;
      return true;
    } else if (event == PTRACE_EVENT_STOP) {
      ptrace(signal == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, thread, nullptr, nullptr);
    } else {
      ptrace(PTRACE_CONT, thread, nullptr, event == 0 ? signal : 0);
    }
  }
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
      const auto was_wrong = EndFault(process.pid, clock.Monotonic());
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
    const auto patched = LookInto(process.pid);
    if (patched && *patched && (*patched)->page != 0) (void)Change(process.pid, [] {}, TakeAway);
  }
}

}  // namespace skiff::chaos
