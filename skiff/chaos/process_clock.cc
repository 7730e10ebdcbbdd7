#include "skiff/chaos/process_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "skiff/chaos/machine.h"
#include "skiff/chaos/vdso_clock.h"

namespace skiff::chaos {
namespace {

struct Range {
  uint64_t begin = 0, end = 0;
  std::string name;
};
// What a process has in its memory, by address. None: it has ended.
std::vector<Range> RangesOf(pid_t process) {
  std::vector<Range> ranges;
  std::ifstream lines(fmt::format("/proc/{}/maps", LivingThreadOf(process)));
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

std::string TimeNamespaceOf(const std::string& process) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/" + process + "/ns/time", error).string();
}

// A program that may do next to nothing is killed for a call that it did not make itself.
bool MayCallNothing(pid_t process) {
  std::ifstream lines(fmt::format("/proc/{}/status", LivingThreadOf(process)));
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
Result<> Change(const ProcessId& id, const Meanwhile& meanwhile,
                const std::function<Result<>(const Patched&, StoppedProcess&)>& change) {
  constexpr int kAttempts = 20;
  Result<> changed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto process = StoppedProcess::Stop(id, meanwhile);
    if (!process && process.error().reason == Reason::kNotFound) return {};
    if (!process) return Fail(process.error());
    const auto patched = TRY(LookInto(id.pid));
    if (!patched) return {};
    changed = change(*patched, **process);
    if (changed || changed.error().reason != Reason::kConflict) return changed;
  }
  return changed;
}

// Of one that stands still: it could enter such a namespace, or a filter, at any other moment.
Result<> CheckClockCanBeWrong(pid_t process) {
  const std::string time = TimeNamespaceOf(std::to_string(LivingThreadOf(process)));
  if (!time.empty() && time != TimeNamespaceOf("self")) {
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
  return {};
}

}  // namespace

Result<> MakeClockWrong(const ProcessId& process, const ClockFault& fault,
                        const Meanwhile& meanwhile) {
  return Change(process, meanwhile,
                [&](const Patched& patched, StoppedProcess& stopped) -> Result<> {
                  TRY(CheckClockCanBeWrong(process.pid));
                  return MakeWrong(patched, stopped, fault);
                });
}

Result<> MakeClockWrong(pid_t process, StoppedProcess& stopped, const ClockFault& fault) {
  TRY(CheckClockCanBeWrong(process));
  const auto patched = TRY(LookInto(process));
  return patched ? MakeWrong(*patched, stopped, fault) : Result<>();
}

Result<bool> EndClockFault(const ProcessId& process, Duration now) {
  const pid_t pid = process.pid;
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
  TRY(Change(process, [] {}, end));
  return true;
}

void TakeClockPageAway(const ProcessId& process) {
  const auto patched = LookInto(process.pid);
  if (patched && *patched && (*patched)->page != 0) (void)Change(process, [] {}, TakeAway);
}

}  // namespace skiff::chaos
