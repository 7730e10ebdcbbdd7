#include "client/work_queue.h"

#include <algorithm>

namespace skiff {

void WorkQueue::Add(const ObjectKey& key) {
  {
    const MutexLock lock(mutex_);
    AddLocked(key);
  }
  WakeOne();
}

void WorkQueue::AddAfter(const ObjectKey& key, Duration delay) {
  if (delay <= Duration(0)) return Add(key);
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    const Duration due = delay > kNever - now ? kNever : now + delay;
    if (const auto present = due_.find(key); present != due_.end()) {
      if (present->second <= due) return;
      const auto [begin, end] = delayed_.equal_range(present->second);
      delayed_.erase(std::find_if(begin, end, [&](const auto& it) { return it.second == key; }));
    }
    due_[key] = due;
    delayed_.emplace(due, key);
  }
  // Whoever waits recomputes how long.
  WakeOne();
}

void WorkQueue::AddRateLimited(const ObjectKey& key) {
  Duration delay = retry_.first_delay;
  {
    const MutexLock lock(mutex_);
    ++retries_;
    const int failures = failures_[key]++;
    for (int i = 0; i < failures && delay < retry_.max_delay; ++i) delay *= 2;
  }
  AddAfter(key, std::min(delay, retry_.max_delay));
}

void WorkQueue::Forget(const ObjectKey& key) {
  const MutexLock lock(mutex_);
  failures_.erase(key);
}

int WorkQueue::Failures(const ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

std::optional<ObjectKey> WorkQueue::Take() {
  const MutexLock lock(mutex_);
  return TakeLocked();
}

std::optional<ObjectKey> WorkQueue::TakeOrWait(ControlLoop& idle) {
  const MutexLock lock(mutex_);
  auto key = TakeLocked();
  if (!key && std::find(idle_.begin(), idle_.end(), &idle) == idle_.end()) idle_.push_back(&idle);
  return key;
}

void WorkQueue::Done(const ObjectKey& key) {
  {
    const MutexLock lock(mutex_);
    if (const auto begun = processing_.find(key); begun != processing_.end()) {
      worked_.Add(clock_.Monotonic() - begun->second);
      processing_.erase(begun);
    }
    if (!dirty_.contains(key)) return;
    order_.push_back(key);
  }
  WakeOne();
}

Duration WorkQueue::UntilNext() const {
  const MutexLock lock(mutex_);
  if (!order_.empty()) return Duration(0);
  if (delayed_.empty()) return kNever;
  return std::max(Duration(0), delayed_.begin()->first - clock_.Monotonic());
}

size_t WorkQueue::size() const {
  const MutexLock lock(mutex_);
  return order_.size() + delayed_.size();
}

WorkQueue::Counts WorkQueue::counts() const {
  const MutexLock lock(mutex_);
  Counts counts{order_.size(), adds_, retries_, waited_, worked_};
  const Duration now = clock_.Monotonic();
  for (const auto& [key, begun] : processing_) {
    counts.going_on += now - begun;
    counts.going_longest = std::max(counts.going_longest, now - begun);
  }
  return counts;
}

void WorkQueue::AddLocked(const ObjectKey& key) {
  if (dirty_.contains(key)) return;
  dirty_.emplace(key, clock_.Monotonic());
  ++adds_;
  if (!processing_.contains(key)) order_.push_back(key);
}

std::optional<ObjectKey> WorkQueue::TakeLocked() {
  PromoteDue();
  if (order_.empty()) return std::nullopt;
  ObjectKey key = std::move(order_.front());
  order_.pop_front();
  const Duration now = clock_.Monotonic();
  const auto added = dirty_.find(key);
  waited_.Add(now - added->second);
  dirty_.erase(added);
  processing_[key] = now;
  return key;
}

void WorkQueue::PromoteDue() {
  const Duration now = clock_.Monotonic();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const ObjectKey key = std::move(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
    due_.erase(key);
    AddLocked(key);
  }
}

void WorkQueue::WakeOne() {
  ControlLoop* loop = nullptr;
  {
    const MutexLock lock(mutex_);
    if (idle_.empty()) return;
    loop = idle_.back();
    idle_.pop_back();
  }
  loop->Wake();
}

}  // namespace skiff
