#include "base/control_loop.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "base/thread_stack.h"

namespace skiff {
namespace {

const Log kLog("executor");

constexpr Duration kRetryAfterThrow = 1s;

// We throw nothing; a library that does must not end the program, in which other loops run.
Duration StepGuarded(ControlLoop& loop) {
  try {
    return loop.Step();
  } catch (const std::exception& failure) {
    kLog.Error("control loop threw", {{"error", failure.what()}});
    return kRetryAfterThrow;
  }
}

// Where the member stands in a queue by due times; the end when it is not in it.
template <typename Queue, typename Member>
auto PlaceOf(Queue& queue, const Member& member) {
  const Duration due = member.second.due;
  if (due == kNever) return queue.end();  // It only waits to be woken, as most do.
  const auto [first, last] = queue.equal_range(due);
  const auto found =
      std::find_if(first, last, [&](const auto& queued) { return queued.second == &member; });
  return found == last ? queue.end() : found;
}

Duration DueAfter(Duration now, Duration delay) {
  return delay >= kNever - now ? kNever : now + std::max(delay, Duration::zero());
}

}  // namespace

ThreadExecutor::ThreadExecutor(std::string name, int threads_max)
    : name_(std::move(name)), threads_max_(static_cast<size_t>(threads_max)) {
  CHECK(threads_max > 0);
}

ThreadExecutor::~ThreadExecutor() {
  std::vector<std::jthread> threads;
  {
    MutexLock lock(mutex_);
    threads.swap(threads_);
    for (auto& thread : threads) thread.request_stop();
    changed_.notify_all();
  }
  threads.clear();
  MutexLock lock(mutex_);
  for (auto& [loop, entry] : entries_) loop->executor_ = nullptr;
}

void ThreadExecutor::Add(ControlLoop& loop) {
  MutexLock lock(mutex_);
  const auto [added, is_new] = entries_.emplace(&loop, Entry{});
  CHECK(is_new);
  loop.executor_ = this;
  queue_.emplace(Duration::zero(), &*added);
  StartThreadIfNeeded();
  const bool must_notify = MustNotify();
  lock.unlock();
  if (must_notify) changed_.notify_one();
}

void ThreadExecutor::Remove(ControlLoop& loop) {
  loop.executor_ = nullptr;
  MutexLock lock(mutex_);
  const auto found = entries_.find(&loop);
  if (found == entries_.end()) return;
  Member& member = *found;  // Unlike the iterator it outlasts what is added in the meantime.
  while (member.second.running) stepped_.wait(lock);
  const auto queued = PlaceOf(queue_, member);
  if (queued != queue_.end()) queue_.erase(queued);
  entries_.erase(&loop);
}

void ThreadExecutor::Wake(ControlLoop& loop) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(&loop);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.running) {
    entry.woken = true;
    return;
  }
  const Duration now = clock_.Monotonic();
  if (entry.due <= now) return;  // Its turn comes.
  const auto queued = PlaceOf(queue_, *found);
  if (queued != queue_.end()) queue_.erase(queued);
  entry.due = now;
  queue_.emplace(now, &*found);
  StartThreadIfNeeded();
  const bool must_notify = MustNotify();
  lock.unlock();
  // Whoever is woken would only wait for the mutex.
  if (must_notify) changed_.notify_one();
}

void ThreadExecutor::StartThreadIfNeeded() {
  if (waiting_ > 0 || threads_.size() >= threads_max_) return;
  try {
    threads_.emplace_back([this](std::stop_token stop) { Run(stop); });
  } catch (const std::system_error&) {
    CHECK(!threads_.empty());  // The machine gives no more: those there are do the work, later.
    return;
  }
  pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
}

void ThreadExecutor::LeaveTheRest() {
  if (!queue_.empty() && queue_.begin()->first < watched_) StartThreadIfNeeded();
}

void ThreadExecutor::Run(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    const Duration now = clock_.Monotonic();
    if (!queue_.empty() && queue_.begin()->first <= now) {
      Member& member = *queue_.begin()->second;
      queue_.erase(queue_.begin());
      RunOne(member);
      continue;
    }
    const Duration next = queue_.empty() ? kNever : queue_.begin()->first;
    ++waiting_;
    if (next < watched_) {
      watched_ = next;
      changed_.wait_for(lock, next - now);
      watched_ = kNever;
    } else {
      changed_.wait(lock);
    }
    --waiting_;
    notified_ = false;
  }
}

bool ThreadExecutor::MustNotify() {
  if (waiting_ == 0 || notified_) return false;
  notified_ = true;
  return true;
}

void ThreadExecutor::RunOne(Member& member) {
  auto& [loop, entry] = member;
  entry.running = true;
  LeaveTheRest();
  const bool must_notify =
      !queue_.empty() && queue_.begin()->first < watched_ && MustNotify();
  mutex_.unlock();
  // Whoever is woken would only wait for the mutex.
  if (must_notify) changed_.notify_one();
  const Duration delay = StepGuarded(*loop);
  ReleaseStack();
  mutex_.lock();
  entry.running = false;
  stepped_.notify_all();
  if (loop->executor_.load() == nullptr) return;  // It is being removed, and does not run again.
  entry.due = DueAfter(clock_.Monotonic(), entry.woken ? Duration::zero() : delay);
  entry.woken = false;
  // Those that only wait to be woken, most of tens of thousands, are in nobody's way.
  if (entry.due != kNever) queue_.emplace(entry.due, &member);
}

void SteppedExecutor::Add(ControlLoop& loop) {
  entries_.push_back({&loop, clock_.Monotonic()});
  loop.executor_ = this;
}

void SteppedExecutor::Remove(ControlLoop& loop) {
  CHECK(running_ != &loop);
  loop.executor_ = nullptr;
  std::erase_if(entries_, [&](const Entry& entry) { return entry.loop == &loop; });
}

void SteppedExecutor::Wake(ControlLoop& loop) {
  if (running_ == &loop) {
    woken_ = true;
    return;
  }
  for (Entry& entry : entries_) {
    if (entry.loop == &loop) entry.due = std::min(entry.due, clock_.Monotonic());
  }
}

bool SteppedExecutor::RunOne() {
  const Duration now = clock_.Monotonic();
  const auto is_due = [now](const Entry& entry) { return entry.due <= now; };
  const auto due = std::count_if(entries_.begin(), entries_.end(), is_due);
  if (due == 0) return false;
  auto chosen = std::find_if(entries_.begin(), entries_.end(), is_due);
  for (uint64_t skip = random_() % static_cast<uint64_t>(due); skip > 0; --skip) {
    chosen = std::find_if(chosen + 1, entries_.end(), is_due);
  }
  ControlLoop* loop = chosen->loop;
  running_ = loop;
  woken_ = false;
  const Duration delay = loop->Step();
  running_ = nullptr;
  for (Entry& entry : entries_) {
    if (entry.loop == loop) entry.due = DueAfter(now, woken_ ? Duration::zero() : delay);
  }
  return true;
}

bool SteppedExecutor::RunUntilIdle(int steps_max) {
  for (int step = 0; step < steps_max; ++step) {
    if (!RunOne()) return true;
  }
  return false;
}

void SteppedExecutor::RunFor(Duration length) {
  const Duration end = clock_.Monotonic() + length;
  while (true) {
    RunUntilIdle();
    const Duration next = NextDue();
    if (next > end) break;
    clock_.Advance(std::max(next - clock_.Monotonic(), Duration::zero()));
  }
  clock_.Advance(std::max(end - clock_.Monotonic(), Duration::zero()));
}

Duration SteppedExecutor::NextDue() const {
  Duration next = kNever;
  for (const Entry& entry : entries_) next = std::min(next, entry.due);
  return next;
}

}  // namespace skiff
