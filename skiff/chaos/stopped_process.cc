#include "skiff/chaos/stopped_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "skiff/chaos/machine.h"

namespace skiff::chaos {
namespace {

// A thread stops at once but where it waits in the kernel for another one, as after vfork.
constexpr int kRoundsMax = 500;
constexpr int kMomentMs = 2;

Error Refused(pid_t process, const char* what, int error) {
  return {Reason::kForbidden,
          fmt::format("process {}: {}: {}", process, what, std::strerror(error))};
}

#if defined(__x86_64__)

enum class Came { kAtOnce, kInterrupted, kNever, kEnded };

// To a stop. One that a filter of its own (seccomp(2)) holds in the kernel may never come there;
// interrupted, it mostly does.
Came AwaitStop(pid_t thread) {
  constexpr int kAttempts = 500;
  for (int attempt = 0; attempt < 2 * kAttempts; ++attempt) {
    int status = 0;
    const pid_t changed = waitpid(thread, &status, __WALL | WNOHANG);
    if (changed == thread && WIFSTOPPED(status)) {
      return attempt <= kAttempts ? Came::kAtOnce : Came::kInterrupted;
    }
    if (changed != 0) return Came::kEnded;
    if (attempt == kAttempts) ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    poll(nullptr, 0, kMomentMs);
  }
  return Came::kNever;
}

using SignalMask = uint64_t;  // The kernel's sigset_t.

// One system call by a thread that is stopped, which then is where it was. kTimeout: it is held in
// the kernel, and is not stopped.
Result<uint64_t> CallSystem(pid_t thread, uint64_t instruction, uint64_t number,
                            const std::array<uint64_t, 6>& args) {
  user_regs_struct before{};
  SignalMask mask = 0;
  // But the step's own: the kernel forces it, and takes the handler from one that blocks it.
  const SignalMask all_others = ~(SignalMask{1} << (SIGTRAP - 1));
  const auto size = reinterpret_cast<void*>(sizeof mask);
  if (ptrace(PTRACE_GETREGS, thread, nullptr, &before) != 0 ||
      ptrace(PTRACE_GETSIGMASK, thread, size, &mask) != 0 ||
      ptrace(PTRACE_SETSIGMASK, thread, size, &all_others) != 0) {
    return Fail(Refused(thread, "cannot be led", errno));
  }
  user_regs_struct call = before;
  call.rip = instruction;
  call.rax = number;
  call.orig_rax = ~0ull;  // It is in no system call that would be begun again.
  call.rdi = args[0];
  call.rsi = args[1];
  call.rdx = args[2];
  call.r10 = args[3];
  call.r8 = args[4];
  call.r9 = args[5];
  std::optional<uint64_t> result;
  bool lives = ptrace(PTRACE_SETREGS, thread, nullptr, &call) == 0;
  Came came = Came::kAtOnce;
  bool is_held_up = false;
  constexpr int kStepsMax = 16;
  for (int step = 0; lives && !result && step < kStepsMax; ++step) {
    lives = ptrace(PTRACE_SINGLESTEP, thread, nullptr, nullptr) == 0;
    if (lives) came = AwaitStop(thread);
    if (came == Came::kInterrupted) {
      // The step's own signal is still on its way, and would be the end of it.
      ptrace(PTRACE_SINGLESTEP, thread, nullptr, nullptr);
      if (const Came again = AwaitStop(thread); again != Came::kAtOnce) came = again;
      is_held_up = true;
    }
    if (came == Came::kNever) {
      return Fail(Reason::kTimeout, fmt::format("process {} is held in the kernel", thread));
    }
    lives = lives && came != Came::kEnded;
    if (is_held_up) break;
    user_regs_struct after{};
    // Stops of another kind (SIGSTOP's) come before the step is done.
    if (lives && ptrace(PTRACE_GETREGS, thread, nullptr, &after) == 0 && after.rip != instruction) {
      result = after.rax;
    }
  }
  if (!lives) return Fail(Reason::kNotFound, fmt::format("process {} has ended", thread));
  ptrace(PTRACE_SETREGS, thread, nullptr, &before);
  ptrace(PTRACE_SETSIGMASK, thread, size, &mask);
  if (is_held_up) {
    return Fail(Reason::kForbidden, fmt::format("process {} has its system calls held up", thread));
  }
  if (!result) return Fail(Reason::kConflict, fmt::format("process {} cannot be led", thread));
  return *result;
}

#endif

}  // namespace

Result<std::string> ReadMemory(pid_t process, uint64_t at, size_t bytes) {
  std::string text(bytes, '\0');
  iovec to{text.data(), bytes};
  iovec from{reinterpret_cast<void*>(at), bytes};
  const ssize_t size = process_vm_readv(LivingThreadOf(process), &to, 1, &from, 1, 0);
  if (size == static_cast<ssize_t>(bytes)) return text;
  return Fail(Refused(process, "its memory cannot be read", size < 0 ? errno : EFAULT));
}

Result<> WriteMemory(pid_t process, uint64_t at, std::string_view bytes) {
  const int file =
      open(fmt::format("/proc/{}/mem", LivingThreadOf(process)).c_str(), O_WRONLY | O_CLOEXEC);
  const ssize_t size =
      file < 0 ? -1 : pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
  const int error = size < 0 ? errno : EFAULT;
  if (file >= 0) close(file);
  if (size == static_cast<ssize_t>(bytes.size())) return {};
  return Fail(Refused(process, "its memory cannot be written", error));
}

Result<bool> StoppedProcess::TraceAll() {
  bool is_any_new = false;
  for (const pid_t thread : ThreadsOf(process_)) {
    if (is_stopped_.contains(thread)) continue;
    if (is_stopped_.size() >= kThreadsMax) {
      return Fail(Reason::kForbidden, fmt::format("process {} has more than {} threads", process_,
                                                  kThreadsMax));
    }
    if (ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACEEXEC) != 0) {
      const int error = errno;
      // It has ended, or is ending.
      if (error == ESRCH || (error == EPERM && HasThreadEnded(thread))) continue;
      return Fail(Refused(process_, "cannot be stopped; is it traced by a debugger, or is "
                                    "CAP_SYS_PTRACE missing?", error));
    }
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    is_stopped_[thread] = false;
    is_any_new = true;
  }
  return is_any_new;
}

void StoppedProcess::LookAt(pid_t thread, bool& is_stopped) {
  int status = 0;
  if (waitpid(thread, &status, __WALL | WNOHANG) != thread || !WIFSTOPPED(status)) return;
  const int event = status >> 16;
  if (event == PTRACE_EVENT_STOP) {
    is_stopped = true;
  } else if (event == PTRACE_EVENT_EXEC) {
    // Its threads are another program's first one now, which is stopped before it runs.
    is_stopped = false;
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    ptrace(PTRACE_CONT, thread, nullptr, nullptr);
  } else {
    // On its way to a signal, which it has to get: it stops right behind that.
    ptrace(PTRACE_CONT, thread, nullptr, event == 0 ? WSTOPSIG(status) : 0);
  }
}

Result<std::unique_ptr<StoppedProcess>> StoppedProcess::Stop(
    const ProcessId& id, const std::function<void()>& meanwhile) {
  const pid_t process = id.pid;
  std::unique_ptr<StoppedProcess> stopped(new StoppedProcess(process));
  auto& threads = stopped->is_stopped_;
  for (int round = 0; round < kRoundsMax && IsAlive(id); ++round) {
    const bool is_any_new = TRY(stopped->TraceAll());
    // Also at those that stand: one that begins a program takes the number of the first thread.
    for (auto& [thread, is_stopped] : threads) stopped->LookAt(thread, is_stopped);
    const auto living = ThreadsOf(process);
    std::erase_if(threads, [&](const auto& thread) {
      return std::find(living.begin(), living.end(), thread.first) == living.end();
    });
    if (threads.empty()) break;
    const bool are_all = std::all_of(threads.begin(), threads.end(),
                                     [](const auto& thread) { return thread.second; });
    // Nobody can take its number while it is traced.
    if (!is_any_new && are_all && IsAlive(id)) return stopped;
    meanwhile();
    poll(nullptr, 0, kMomentMs);
  }
  if (!IsAlive(id)) return Fail(Reason::kNotFound, fmt::format("process {} has ended", process));
  return Fail(Reason::kForbidden, fmt::format("process {} does not stop", process));
}

std::unique_ptr<StoppedProcess> StoppedProcess::OfStopped(pid_t process, pid_t thread) {
  std::unique_ptr<StoppedProcess> stopped(new StoppedProcess(process));
  stopped->is_stopped_[thread] = true;
  return stopped;
}

bool StoppedProcess::IsWhole() const {
  const auto threads = ThreadsOf(process_);
  return std::all_of(threads.begin(), threads.end(), [&](pid_t thread) {
    const auto found = is_stopped_.find(thread);
    return (found != is_stopped_.end() && found->second) || HasThreadEnded(thread);
  });
}

StoppedProcess::~StoppedProcess() {
  for (int round = 0; round < kRoundsMax && !is_stopped_.empty(); ++round) {
    if (round > 0) poll(nullptr, 0, kMomentMs);
    for (auto& [thread, is_stopped] : is_stopped_) {
      if (!is_stopped) LookAt(thread, is_stopped);
    }
    std::erase_if(is_stopped_, [](const auto& thread) {
      if (!thread.second) return kill(thread.first, 0) != 0;
      if (ptrace(PTRACE_DETACH, thread.first, nullptr, nullptr) == 0) return true;
      // It was killed meanwhile, and whoever waits for its end hears of it when we have; or
      // another thread has begun a program, has its number now, and is on its way to a stop.
      int status = 0;
      const pid_t changed = waitpid(thread.first, &status, __WALL | WNOHANG);
      return changed < 0 || (changed > 0 && !WIFSTOPPED(status));
    });
  }
}

Result<std::string> StoppedProcess::Read(uint64_t at, size_t bytes) const {
  return ReadMemory(process_, at, bytes);
}

Result<> StoppedProcess::Write(uint64_t at, std::string_view bytes) {
  // Words, by the one way that every kernel lets the tracer write what is not to be written.
  constexpr uint64_t kWord = sizeof(long);
  const uint64_t begin = at / kWord * kWord;
  const uint64_t end = (at + bytes.size() + kWord - 1) / kWord * kWord;
  std::string text = TRY(Read(begin, end - begin));
  text.replace(at - begin, bytes.size(), bytes);
  for (uint64_t i = 0; i < text.size(); i += kWord) {
    long word = 0;
    std::memcpy(&word, text.data() + i, sizeof word);
    if (ptrace(PTRACE_POKEDATA, AnyThread(), reinterpret_cast<void*>(begin + i), word) != 0) {
      return Fail(Refused(process_, "its memory cannot be written", errno));
    }
  }
  return {};
}

#if defined(__x86_64__)

Result<std::vector<uint64_t>> StoppedProcess::NextInstructions() const {
  std::vector<uint64_t> next;
  for (const auto& [thread, is_stopped] : is_stopped_) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) {
      return Fail(Refused(process_, "cannot be looked at", errno));
    }
    next.push_back(registers.rip);
  }
  return next;
}

Result<> StoppedProcess::MapPage(uint64_t at, size_t bytes, uint64_t system_call) {
  constexpr uint64_t kMmap = 9;
  const auto mapped = CallSystem(
      AnyThread(), system_call, kMmap,
      {at, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
       ~uint64_t{0}, 0});
  if (!mapped) {
    if (mapped.error().reason == Reason::kTimeout) is_stopped_.begin()->second = false;
    return Fail(mapped.error());
  }
  if (*mapped == at) return {};
  return Fail(Reason::kConflict, fmt::format("process {} has no room at {:x}", process_, at));
}

#else

Result<std::vector<uint64_t>> StoppedProcess::NextInstructions() const {
  return Fail(Reason::kForbidden, "this machine is none of x86-64");
}

Result<> StoppedProcess::MapPage(uint64_t, size_t, uint64_t) {
  return Fail(Reason::kForbidden, "this machine is none of x86-64");
}

#endif

}  // namespace skiff::chaos
