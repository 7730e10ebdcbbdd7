#include "skiff/chaos/clock_hand.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
// glibc 2.36 does not say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "skiff/chaos/container_clocks.h"

namespace skiff::chaos {
namespace {

constexpr Duration kEndPatience = std::chrono::seconds(3);
constexpr Duration kRightPatience = std::chrono::seconds(10);
constexpr Duration kTidyPatience = std::chrono::seconds(5);

int HandsPatience(Duration deadline) {
  const auto left = deadline - SystemClock().Monotonic();
  return static_cast<int>(std::max<int64_t>(0, left / std::chrono::milliseconds(1)));
}

void SayTo(int file, const Result<>& result) {
  // One letter more than the words: whoever says nothing has ended.
  const std::string text = result ? "+" : "-" + result.error().message;
  (void)!write(file, text.data(), text.size());
  close(file);
}

// Serves until SIGTERM comes.
void ServeClocks(ContainerClocks& clocks, int signals) {
  while (true) {
    std::array<pollfd, 2> files = {{{signals, POLLIN, 0}, {clocks.file(), POLLIN, 0}}};
    if (poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
    signalfd_siginfo signal{};
    while (read(signals, &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo == SIGTERM) return;
    }
    const HoldUpBound bound(ClockHand::kHoldUpMax);
    clocks.Serve();
  }
}

// Blocks what it is to read.
int FileOfHandsSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGCHLD}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace

Result<Helper> Helper::Start(const Work& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(Reason::kInternalError, std::strerror(errno));
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    // Others would wait for what it kept open.
    const auto said = static_cast<unsigned>(ends[1]);
    if (said > STDERR_FILENO + 1) close_range(STDERR_FILENO + 1, said - 1, 0);
    close_range(said + 1, ~0u, 0);
    work([&](const Result<>& result) { SayTo(ends[1], result); });
    _exit(0);
  }
  const int error = errno;
  close(ends[1]);
  if (process > 0) return Helper(process, ends[0]);
  close(ends[0]);
  return Fail(Reason::kInternalError, std::strerror(error));
}

Helper::Helper(Helper&& other) noexcept
    : process_(std::exchange(other.process_, 0)), said_(std::exchange(other.said_, -1)) {}

Helper::~Helper() {
  if (process_ != 0) {
    kill(process_, SIGKILL);
    while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (said_ >= 0) close(said_);
}

Result<> Helper::Hear(Duration patience) {
  const Duration deadline = SystemClock().Monotonic() + patience;
  std::string said;
  std::array<char, 4096> buffer;
  while (true) {
    pollfd file{said_, POLLIN, 0};
    const int ready = poll(&file, 1, HandsPatience(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Fail(Reason::kTimeout, "it is held up");
    const ssize_t size = read(said_, buffer.data(), buffer.size());
    if (size <= 0) break;
    said.append(buffer.data(), static_cast<size_t>(size));
  }
  if (said.empty()) return Fail(Reason::kInternalError, "it has ended before it was done");
  if (said[0] == '+') return {};
  return Fail(Reason::kForbidden, said.substr(1));
}

bool Helper::AwaitEnd(Duration patience) {
  if (process_ == 0) return true;
  const Duration deadline = SystemClock().Monotonic() + patience;
  pollfd file{pidfd_open(process_, 0), POLLIN, 0};
  while (poll(&file, 1, HandsPatience(deadline)) < 0 && errno == EINTR) {
  }
  if (file.fd >= 0) close(file.fd);
  if (waitpid(process_, nullptr, WNOHANG) != 0) process_ = 0;
  return process_ == 0;
}

void Helper::Signal(int signal) const {
  if (process_ != 0) kill(process_, signal);
}

HoldUpBound::HoldUpBound(Duration time) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;  // An alarm with a handler waits for the end of what is held up.
  is_set_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  itimerspec when{};
  when.it_value.tv_sec = time / std::chrono::seconds(1);
  when.it_value.tv_nsec = (time % std::chrono::seconds(1)).count();
  if (is_set_) timer_settime(timer_, 0, &when, nullptr);
}

HoldUpBound::~HoldUpBound() {
  if (is_set_) timer_delete(timer_);
}

Result<ClockHand> ClockHand::Begin(const std::vector<std::string>& groups,
                                   const ClockFault& fault, Duration patience) {
  Result<> begun;
  {
    ClockHand hand(TRY(Helper::Start([&](const auto& say) {
      const int signals = FileOfHandsSignals();
      const auto clocks = ContainerClocks::Begin(groups, fault);
      say(clocks ? Result<>() : Fail(clocks.error()));
      if (clocks) ServeClocks(**clocks, signals);
    })));
    begun = hand.helper_.Hear(patience);
    if (begun) return hand;
  }
  if (begun.error().reason == Reason::kForbidden) return Fail(begun.error());
  (void)LetClocksBeRight(groups);
  return Fail(begun.error().reason,
              "a process of it kept us from changing its clock: " + begun.error().message);
}

ClockHand::~ClockHand() {
  helper_.Signal(SIGTERM);
  (void)helper_.AwaitEnd(kEndPatience);
}

Result<> LetClocksBeRight(const std::vector<std::string>& groups) {
  if (groups.empty()) return {};
  Helper helper = TRY(Helper::Start([&](const auto& say) {
    say(MakeClocksRight(groups));
    TakeClockPagesAway(groups);
  }));
  const auto made = helper.Hear(kRightPatience);
  (void)helper.AwaitEnd(kTidyPatience);
  if (made || made.error().reason == Reason::kForbidden) return made;
  return Fail(made.error().reason,
              "a process keeps us from making its clock right: " + made.error().message);
}

}  // namespace skiff::chaos
