#include "skiff/chaos/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <queue>

#include "base/process.h"
#include "skiff/chaos/checks.h"
#include "skiff/chaos/clock_hand.h"
#include "skiff/chaos/events.h"
#include "skiff/chaos/filled.h"
#include "skiff/chaos/frozen.h"
#include "skiff/chaos/machine.h"
#include "skiff/chaos/packet_queue.h"

namespace skiff::chaos {
namespace {

constexpr Duration kStartPatience = 60s;
constexpr Duration kCommandPatience = 30s;

Result<> RunOne(const Command& command) {
  if (command.holder.pid != 0 && !IsAlive(command.holder)) return {};
  const auto done = RunChecked({.argv = command.argv,
                                .stdin_text = command.stdin_text,
                                .timeout = kCommandPatience});
  if (done) return {};
  const std::string& said = done.error().message;
  const bool is_absent = !command.absent.empty() && said.find(command.absent) != std::string::npos;
  if (is_absent || (command.holder.pid != 0 && !IsAlive(command.holder))) return {};
  return Fail(done.error());
}

Result<> RunAll(const std::vector<Command>& commands) {
  for (const Command& command : commands) TRY(RunOne(command));
  return {};
}

// Packets that were taken from the queue and go on later.
class Link {
 public:
  Link(PacketQueue queue, const Impairment& impairment)
      : queue_(std::move(queue)), impaired_(impairment, random_) {}
  int file() const { return queue_.file(); }
  void Take(Duration now) {
    for (QueuedPacket& packet : queue_.Take()) {
      const Fate fate = impaired_.Decide(now, packet.bytes);
      if (fate.is_lost) {
        queue_.Drop(packet);
        continue;
      }
      if (!fate.is_doubled) packet.content.clear();
      waiting_.push({fate.due, order_++, std::move(packet)});
    }
  }
  void LetGo(Duration now) {
    while (!waiting_.empty() && waiting_.top().due <= now) {
      const QueuedPacket& packet = waiting_.top().packet;
      if (!packet.content.empty()) queue_.SendCopy(packet);
      queue_.LetGo(packet);
      waiting_.pop();
    }
  }
  // When the next one is due; kNever.
  Duration Due() const { return waiting_.empty() ? kNever : waiting_.top().due; }

 private:
  struct Waiting {
    Duration due;
    uint64_t order;
    QueuedPacket packet;
    bool operator<(const Waiting& other) const {
      return std::pair(due, order) > std::pair(other.due, other.order);
    }
  };
  SystemRandom random_;
  PacketQueue queue_;
  Impaired impaired_;
  uint64_t order_ = 0;
  std::priority_queue<Waiting> waiting_;  // The next one on top; the kernel bounds them.
};

// What is held with our own hands. Letting go of it is its end.
struct Held {
  std::optional<Link> link;
  std::unique_ptr<Frozen> frozen;
  std::optional<Filled> filled;
  std::optional<ClockHand> clocks;
};

// By another name than ours, which whoever kills all of ours by it leaves alone.
Result<> StartStandIns(const std::string& directory, const Record& record) {
  // Its supervisor comes first.
  const Duration left = record.ends - SystemClock().Monotonic() + 1s;
  const auto seconds = std::max<int64_t>(1, std::chrono::ceil<std::chrono::seconds>(left).count());
  for (const Command& command : record.plan.end) {
    DaemonSpec spec{
        .argv = {"sh", "-c", "sleep \"$1\" && shift && exec \"$@\"", "sh", std::to_string(seconds)},
        .log_path = directory + "/" + record.id + ".log",
        .environment = {{kStandInVariable, record.id}}};
    spec.argv.insert(spec.argv.end(), command.argv.begin(), command.argv.end());
    TRY(SpawnDaemon(spec));
  }
  return {};
}

void EndStandIns(const Record& record) {
  if (!record.plan.stays) return;
  for (const ProcessId& each : ProcessesWith(kStandInVariable, record.id)) StopProcess(each, 0ns);
}

Result<> Begin(const std::string& directory, const Record& record, Held& held) {
  if (record.plan.stays) TRY(StartStandIns(directory, record));
  const Hold& hold = record.plan.hold;
  if (hold.queue >= 0) {
    PacketQueue queue = TRY(PacketQueue::Open(hold.queued_by, hold.queue));
    held.link.emplace(std::move(queue), hold.impairment);
  }
  TRY(RunAll(record.plan.begin));
  if (!hold.frozen.empty()) {
    held.frozen = std::make_unique<Frozen>();
    TRY(held.frozen->Stop(hold.frozen));
  }
  if (!hold.filled.empty()) {
    Filled filled = TRY(Filled::Fill(hold.filled_by, hold.filled, kFilledDiskMax));
    held.filled.emplace(std::move(filled));
  }
  if (!hold.clocks.empty()) {
    ClockHand clocks = TRY(ClockHand::Begin(hold.clocks, hold.clock));
    held.clocks.emplace(std::move(clocks));
  }
  if (!hold.clock_of.empty()) {
    ClockFile file = TRY(OpenClock(hold.clock_seen_by, hold.clock_directory));
    TRY(file.Set(hold.clock_of, hold.clock, SystemClock()));
  }
  return {};
}

// Blocks the signals that the loop below reads.
int SignalFile() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  for (const int signal : {SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int TimerFile(Duration at) {
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  itimerspec when{};
  when.it_value.tv_sec = at / 1s;
  when.it_value.tv_nsec = (at % 1s).count();
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
  return timer;
}

timespec Until(Duration due, Duration now) {
  const Duration left = due <= now ? 0ns : due - now;
  return {.tv_sec = left / 1s, .tv_nsec = (left % 1s).count()};
}

// Until its time is up (true), or somebody asks for its end (false).
bool HoldUntilEnd(const Record& record, Held& held, int signals) {
  const SystemClock clock;
  const int timer = TimerFile(record.ends);
  while (true) {
    const int queue = held.link ? held.link->file() : -1;
    std::array<pollfd, 3> files = {{{signals, POLLIN, 0}, {timer, POLLIN, 0}, {queue, POLLIN, 0}}};
    const Duration due = held.link ? held.link->Due() : kNever;
    const timespec patience = Until(due, clock.Monotonic());
    if (ppoll(files.data(), files.size(), due == kNever ? nullptr : &patience, nullptr) < 0 &&
        errno != EINTR) {
      return true;
    }
    if (held.link && files[2].revents != 0) held.link->Take(clock.Monotonic());
    if (held.link) held.link->LetGo(clock.Monotonic());
    if (files[1].revents != 0) return true;
    signalfd_siginfo signal{};
    while (files[0].revents != 0 && read(signals, &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo != SIGCHLD) return false;
      if (held.frozen) held.frozen->Reap();
    }
  }
}

void Say(const std::string& text) {
  (void)!write(kHandedFd, text.data(), text.size());
  close(kHandedFd);
}

// Whoever asks for it has the turn among the records until it is on, so that nobody takes this one
// for left behind while it begins. Killed before, he may have been followed by one who did.
bool IsAskedFor() {
  pollfd asker{kHandedFd, 0, 0};
  return poll(&asker, 1, 0) == 0;
}

// Waits for a moment. False: somebody asks for the end meanwhile, as a machine does that goes down.
bool PauseUnlessAsked(int signals) {
  constexpr int kPauseMs = 1000;
  pollfd file{signals, POLLIN, 0};
  if (poll(&file, 1, kPauseMs) <= 0) return true;
  signalfd_siginfo signal{};
  while (read(signals, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo != SIGCHLD) return false;
  }
  return true;
}

// The API may need a moment until it can be reached again. Nobody waits for this.
void TellOfEnd(const Record& record, const std::string& how, int signals) {
  const auto tell = [&] {
    return TellOf(record, "ChaosStopped", fmt::format("{} {}", WhatItIs(record), how)).has_value();
  };
  TellUntilHeard(SystemClock(), tell, [&] { return PauseUnlessAsked(signals); });
}

}  // namespace

Result<> Undo(const Record& record) {
  Result<> undone;
  EndStandIns(record);
  // One that cannot be undone keeps nobody from undoing the others.
  for (const Command& command : record.plan.end) {
    if (auto done = RunOne(command); !done) undone = std::move(done);
  }
  const Hold& hold = record.plan.hold;
  // Once its time is up, the clock is right by itself.
  const bool is_over = SystemClock().Monotonic() >= hold.clock.ends;
  if (auto made = LetClocksBeRight(hold.clocks); !made && !is_over) undone = std::move(made);
  if (hold.clock_of.empty()) return undone;
  auto file = OpenClock(hold.clock_seen_by, hold.clock_directory);
  if (!file) {
    // Gone with its node; or its container was started again, which nobody finds by this process.
    if (SystemClock().Monotonic() < hold.clock.ends) {
      std::fprintf(stderr, "note: if node/%s was started again, its clock is wrong until the end\n",
                   hold.clock_of.c_str());
    }
    return undone;
  }
  if (auto done = file->Clear(hold.clock_of, hold.clock); !done) undone = std::move(done);
  return undone;
}

void AwaitLeftBehind(const Record& record, Duration patience) {
  EndStandIns(record);  // They have its variable as well.
  const SystemClock clock;
  const Duration end = clock.Monotonic() + patience;
  for (const ProcessId& each : ProcessesWith(kSupervisedVariable, record.id)) {
    if (WaitUntilGone(each, std::max<Duration>(end - clock.Monotonic(), 0ns))) continue;
    StopProcess(each, 0ns);
  }
}

Result<> StartSupervisor(const std::string& directory, const std::string& id) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(Reason::kInternalError, std::strerror(errno));
  const auto started = SpawnDaemon({.argv = {"/proc/self/exe", "chaos", kSupervise, directory, id},
                                    .log_path = directory + "/" + id + ".log",
                                    .environment = {{kSupervisedVariable, id}},
                                    .handed_fd = ends[1]});
  close(ends[1]);
  std::string said;
  std::array<char, 4096> buffer;
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + kStartPatience;
  while (started) {
    pollfd file{ends[0], POLLIN, 0};
    const timespec patience = Until(deadline, clock.Monotonic());
    const int ready = ppoll(&file, 1, &patience, nullptr);
    if (ready < 0 && errno == EINTR) continue;
    const ssize_t size = ready <= 0 ? 0 : read(ends[0], buffer.data(), buffer.size());
    if (size <= 0) break;
    said.append(buffer.data(), static_cast<size_t>(size));
  }
  close(ends[0]);
  if (!started) return Fail(started.error());
  if (said == kIsOn) return {};
  return Fail(Reason::kInternalError,
              said.empty() ? "who was to supervise it has ended; nothing of it is on" : said);
}

int Supervise(const std::string& directory, const std::string& id) {
  const int signals = SignalFile();
  fcntl(kHandedFd, F_SETFD, FD_CLOEXEC);
  auto record = LoadRecord(directory, id);
  const auto self = IdentifyProcess(getpid());
  if (!record || !self) return 1;
  record->supervisor = *self;
  std::string how = "is over: its time was up";
  Result<> began = SaveRecord(directory, *record);
  if (began && !IsAskedFor()) began = Fail(Reason::kConflict, "who asked for it has ended");
  {
    Held held;
    if (began) began = Begin(directory, *record, held);
    // Who has lost patience meanwhile has said that nothing is on.
    if (began && !IsAskedFor()) began = Fail(Reason::kConflict, "who asked for it has ended");
    Say(began ? std::string(kIsOn) : began.error().message);
    if (began && !HoldUntilEnd(*record, held, signals)) how = "was stopped";
  }
  if (const auto undone = Undo(*record); !undone) {
    // The record stays, for whoever comes next to try again.
    std::fprintf(stderr, "%s\n", undone.error().message.c_str());
    return 1;
  }
  RemoveRecord(directory, id);
  // Of the last one the directory, but for somebody who is at work there, and does so afterwards.
  (void)Records::Open(directory, 0ns);
  if (began) TellOfEnd(*record, how, signals);
  return began ? 0 : 1;
}

}  // namespace skiff::chaos
