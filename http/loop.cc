#include "http/loop.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_slice.h"
#include "base/thread_stack.h"
#include "http/event_loop.h"
#include "http/worker_pool.h"

namespace skiff::http {

Timer::~Timer() {
  if (queued_at_ == kNever) return;
  const auto [first, last] = loop_.timers_.equal_range(queued_at_);
  for (auto it = first; it != last; ++it) {
    if (it->second == this) {
      loop_.timers_.erase(it);
      return;
    }
  }
}

void Timer::ArmIn(Duration delay) {
  ArmAt(loop_.Now() + delay);
}

void Timer::ArmAt(Duration monotonic) {
  due_ = monotonic;
  // An entry that comes up early finds due_ in the future and goes back into the queue.
  if (queued_at_ <= monotonic) return;
  if (queued_at_ != kNever) {
    const auto [first, last] = loop_.timers_.equal_range(queued_at_);
    loop_.timers_.erase(std::find_if(first, last, [&](auto& e) { return e.second == this; }));
  }
  queued_at_ = monotonic;
  loop_.timers_.emplace(monotonic, this);
}

Loop::Inbox::~Inbox() {
  if (event_fd >= 0) close(event_fd);
}

void Loop::Inbox::Ring() {
  if (rung) return;
  rung = true;
  const uint64_t one = 1;
  // Cannot fail: the counter is at most 1.
  (void)!write(event_fd, &one, sizeof one);
}

Loop::Loop()
    : inbox_(std::make_shared<Inbox>()),
      scratch_(new char[kScratchBytes + kRecordBytes + kFrameBytes + kRecordsBytes +
                        kSealedBytes]) {
  inbox_->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  CHECK(inbox_->event_fd >= 0 && epoll_fd_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, inbox_->event_fd, &event) == 0);
  now_ = clock_.Monotonic();
  thread_ = std::jthread([this] { Run(); });
}

Loop::~Loop() {
  Stop();
  Drain();
  close(epoll_fd_);
}

void Loop::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(inbox_->mutex);
    inbox_->stop = true;
    inbox_->Ring();
  }
  thread_.join();
  Drain();
}

void Loop::Drain() {
  RunInbox();
  RunWakes(kNever);
  RunDeferred();
  kept_.clear();
  RunDeferred();
}

void Loop::Post(std::function<void()> task) {
  MutexLock lock(inbox_->mutex);
  inbox_->tasks.push_back(std::move(task));
  inbox_->Ring();
}

std::shared_ptr<Wake> Loop::MakeWake(LoopListener& listener) {
  return std::make_shared<Wake>(inbox_, listener);
}

void Wake::Notify() {
  if (pending_.exchange(true)) return;
  MutexLock lock(inbox_->mutex);
  inbox_->wakes.push_back(shared_from_this());
  inbox_->Ring();
}

void Loop::Watch(int fd, uint32_t events, LoopListener& listener) {
  epoll_event event{.events = events, .data = {.ptr = &listener}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::Change(int fd, uint32_t events, LoopListener& listener) {
  epoll_event event{.events = events, .data = {.ptr = &listener}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0);
  if ((events & EPOLLIN) == 0) DropRepeats(listener);
}

void Loop::Forget(int fd, LoopListener& listener) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = 0; i < events_count_; ++i) {
    if (events_[i].data.ptr == &listener) events_[i].events = 0;
  }
  DropRepeats(listener);
}

void Loop::DropRepeats(LoopListener& listener) {
  for (LoopListener*& repeat : repeats_) {
    if (repeat == &listener) repeat = nullptr;
  }
}

// Those that ask again meanwhile have their turn in the next round.
void Loop::RunRepeats() {
  for (size_t left = repeats_.size(); left > 0; --left) {
    LoopListener* const listener = repeats_.front();
    repeats_.erase(repeats_.begin());
    if (listener != nullptr) listener->OnReady(EPOLLIN);
  }
}

void Loop::AskTurn(LoopListener& listener) {
  if (std::exchange(listener.has_turn_, true)) return;
  turns_.push_back(&listener);
}

void Loop::DropTurn(LoopListener& listener) {
  if (std::exchange(listener.has_turn_, false)) std::erase(turns_, &listener);
}

// Who asks again may get another one in the same round, if all others had theirs.
void Loop::RunTurns() {
  if (turns_.empty()) return;
  const Duration end = clock_.Monotonic() + kTurnsTime;
  do {
    LoopListener* const listener = turns_.front();
    turns_.pop_front();
    listener->has_turn_ = false;
    listener->OnTurn();
  } while (!turns_.empty() && clock_.Monotonic() < end);
}

void Loop::Keep(std::shared_ptr<void> object) {
  void* const key = object.get();
  kept_.emplace(key, std::move(object));
}

void Loop::Release(void* object) {
  Defer([this, object] { kept_.erase(object); });
}

int Loop::WaitMs() const {
  if (!repeats_.empty() || !turns_.empty() || !wakes_.empty() || !put_off_.empty()) return 0;
  if (timers_.empty()) return -1;
  const auto wait = timers_.begin()->first - clock_.Monotonic();
  if (wait <= Duration::zero()) return 0;
  // Rounded up, or the last millisecond would spin.
  return static_cast<int>(std::min<int64_t>(wait / 1ms + 1, 3'600'000));
}

void Loop::Run() {
  // OpenSSL writes to sockets without MSG_NOSIGNAL. The signal is the writing thread's own, so that
  // the program may still die of a closed pipe elsewhere, as command line tools should.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  TakeShortSlicesAhead();
  bool stop = false;
  while (!stop) {
    round_began_ = 0;
    events_count_ = epoll_wait(epoll_fd_, events_, kEventsPerRound, WaitMs());
    now_ = clock_.Monotonic();
    round_began_ = now_.count();
    stop = RunEvents();
    RunWakes(kWakesTime);
    RunTurns();
    RunTimers();
    RunDeferred();
    RunPutOff();
    ReleaseStack();
    LetOthersRun();
  }
}

// What is posted meanwhile, answers mostly, does not wait for all that came in: of two hundred
// connections that takes milliseconds.
bool Loop::RunEvents() {
  bool rung = false;
  bool stop = false;
  for (int i = 0; i < events_count_; ++i) {
    if (events_[i].data.ptr == nullptr) {
      rung = true;
    } else if (events_[i].events != 0) {
      static_cast<LoopListener*>(events_[i].data.ptr)->OnReady(events_[i].events);
    }
    if (i % kEventsAtOnce != kEventsAtOnce - 1 || !IsRung()) continue;
    stop |= RunInbox();
    // As at the end of a round: else bytes would be read before the request that was put behind the
    // answer just sent, and two of a connection be handled at once.
    RunDeferred();
  }
  events_count_ = 0;
  RunRepeats();
  if (rung) stop |= RunInbox();
  return stop;
}

bool Loop::IsRung() const {
  MutexLock lock(inbox_->mutex);
  return inbox_->rung;
}

bool Loop::RunInbox() {
  std::vector<std::function<void()>> tasks;
  bool stop;
  {
    MutexLock lock(inbox_->mutex);
    uint64_t count;
    (void)!read(inbox_->event_fd, &count, sizeof count);
    inbox_->rung = false;
    tasks.swap(inbox_->tasks);
    std::move(inbox_->wakes.begin(), inbox_->wakes.end(), std::back_inserter(wakes_));
    inbox_->wakes.clear();
    stop = inbox_->stop;
  }
  for (auto& task : tasks) task();
  return stop;
}

void Loop::RunWakes(Duration time_max) {
  if (wakes_.empty()) return;
  const Duration begin = clock_.Monotonic();
  for (size_t left = wakes_.size(); left > 0; --left) {
    const std::shared_ptr<Wake> wake = std::move(wakes_.front());
    wakes_.pop_front();
    // Cleared first: a Notify during OnWake must not be lost.
    wake->pending_ = false;
    if (wake->listener_ != nullptr) wake->listener_->OnWake();
    if (clock_.Monotonic() - begin >= time_max) return;
  }
}

// With more to send, or to make, than a round lets go, the thread would keep its processor until
// the next tick of the clock, 4 ms, however short the slice that it asked for: another loop on that
// processor, with a small request, would wait for that. A single long answer is not slowed for it,
// since what is given away comes back late where others want all of the machine.
void Loop::LetOthersRun() {
  if (turns_.size() > 1 || !put_off_.empty()) sched_yield();
}

void Loop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->queued_at_ = kNever;
    if (timer->due_ == kNever) continue;
    if (timer->due_ > now_) {
      timer->ArmAt(timer->due_);
      continue;
    }
    timer->due_ = kNever;
    timer->listener_.OnTimer();
  }
}

void Loop::RunDeferred() {
  while (!deferred_.empty()) {
    std::vector<std::function<void()>> tasks;
    tasks.swap(deferred_);
    for (auto& task : tasks) task();
  }
}

void Loop::RunPutOff() {
  if (put_off_.empty()) return;
  const Duration end = clock_.Monotonic() + kPutOffTime;
  do {
    const auto task = std::move(put_off_.front());
    put_off_.pop_front();
    task();
  } while (!put_off_.empty() && clock_.Monotonic() < end);
  RunDeferred();
}

struct Loops::Impl {
  ~Impl() {
    // All are at rest before the first is gone: what one lets go of may post to another.
    resolvers.Stop();
    dialers.Stop();
    for (auto& loop : loops) loop->Stop();
  }
  static constexpr int kResolversMax = 2;
  static constexpr size_t kNamesWaitingMax = 1'000;
  static constexpr int kDialersMax = 16;
  static constexpr size_t kDialsWaitingMax = 1'000;
  std::vector<std::unique_ptr<Loop>> loops;
  std::atomic<size_t> next = 0;
  WorkerPool resolvers{kResolversMax, kNamesWaitingMax};
  WorkerPool dialers{kDialersMax, kDialsWaitingMax};
};

Loops::Loops(int threads) : impl_(std::make_unique<Impl>()) {
  CHECK(threads > 0);
  for (int i = 0; i < threads; ++i) impl_->loops.push_back(std::make_unique<Loop>());
}

Loops::~Loops() = default;

Loop& Loops::Next() {
  return *impl_->loops[impl_->next++ % impl_->loops.size()];
}

WorkerPool& Loops::resolvers() {
  return impl_->resolvers;
}

WorkerPool& Loops::dialers() {
  return impl_->dialers;
}

Duration Loop::RoundTime() const {
  const Duration began(round_began_.load());
  return began == Duration::zero() ? began : clock_.Monotonic() - began;
}

Duration Loops::LongestRound() const {
  Duration longest = Duration::zero();
  for (const auto& loop : impl_->loops) longest = std::max(longest, loop->RoundTime());
  return longest;
}

int Loops::size() const {
  return static_cast<int>(impl_->loops.size());
}

}  // namespace skiff::http
