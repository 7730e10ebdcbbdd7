#include "apiserver/webhooks/outbound_pool.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace skiff {
namespace {

void Count(std::map<std::string, int>& counts, const OutboundPool::Names& names, int change) {
  for (const std::string& name : names) {
    int& count = counts[name];
    count += change;
    if (count == 0) counts.erase(name);
  }
}

}  // namespace

bool OutboundPool::AllBelow(const std::map<std::string, int>& counts, const Names& names,
                            int count_max) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() || found->second < LimitOf(name, count_max);
  });
}

bool OutboundPool::AreOfFew(const Names& names) {
  return std::ranges::any_of(names,
                             [](const std::string& name) { return name.starts_with(kFewAtOnce); });
}

Duration OutboundPool::PatienceOf(const Names& names) const {
  return AreOfFew(names) ? limits_.patience_of_few : limits_.patience;
}

bool OutboundPool::MayRun(const Names& names) const {
  const auto are_few = [this](const std::string& name) REQUIRES(mutex_) {
    const auto found = running_of_.find(name);
    return !name.starts_with(kFewAtOnce) || found == running_of_.end() ||
           found->second < limits_.running_of_few_max;
  };
  return running_ < limits_.threads_max &&
         AllBelow(running_of_, names, limits_.running_per_name_max) &&
         std::ranges::all_of(names, are_few);
}

bool OutboundPool::MayWait(const Names& names) const {
  return waiting_.size() < limits_.waiting_max &&
         AllBelow(waiting_of_, names, limits_.waiting_per_name_max);
}

void OutboundPool::Sums::Add(const Names& names, size_t bytes) {
  if (bytes == 0) return;  // Nor is anything taken off.
  all += bytes;
  for (const std::string& name : names) of[name] += bytes;
}

void OutboundPool::Sums::TakeOff(const Names& names, size_t bytes) {
  if (bytes == 0) return;
  all -= bytes;
  for (const std::string& name : names) {
    const auto found = of.find(name);
    found->second -= bytes;
    if (found->second == 0) of.erase(found);
  }
}

bool OutboundPool::Sums::FitsName(const std::string& name, size_t more, size_t max) const {
  const auto found = of.find(name);
  return found == of.end() || found->second + more <= max;
}

bool OutboundPool::MayStandInLine(const Names& names, size_t bytes) const {
  if (bytes == 0) return true;
  return texts_.all + bytes <= limits_.bytes_max &&
         std::ranges::all_of(names, [&](const std::string& name) {
           return texts_.FitsName(name, bytes, LimitOf(name, limits_.bytes_per_name_max));
         });
}

bool OutboundPool::HasRoomAtWork(const std::string& name, size_t more) const {
  return !running_of_.contains(name) ||
         held_.FitsName(name, more, LimitOf(name, limits_.bytes_per_name_max));
}

bool OutboundPool::MayHoldAtWork(const Names& names, size_t more) const {
  if (more == 0) return true;
  if (held_.all + more > limits_.bytes_max && holders_at_work_ > 0) return false;
  return std::ranges::all_of(names, [&](const std::string& name) REQUIRES(mutex_) {
    return !awaited_.contains(name) && HasRoomAtWork(name, more);
  });
}

void OutboundPool::WaitForRoom(const Names& names, size_t more) {
  for (const std::string& name : names) {
    if (!HasRoomAtWork(name, more)) awaited_.insert(name);
  }
}

void OutboundPool::LetGo(const Names& names, size_t in_line) {
  texts_.TakeOff(names, in_line);
  held_.TakeOff(names, in_line);
}

bool OutboundPool::Run(Job job) {
  const auto shared = std::make_shared<Job>(std::move(job));
  const bool taken = pool_.Submit([this, shared] {
    shared->work();
    shared->work = nullptr;
    Done(shared->names, shared->held);
  });
  if (!taken) return false;
  ++running_;
  if (shared->held.at_work > 0) ++holders_at_work_;
  held_.Add(shared->names, shared->held.at_work - shared->held.in_line);
  Count(running_of_, shared->names, 1);
  return true;
}

bool OutboundPool::Submit(Names names, std::function<void()> work, Held held,
                          std::function<void()> overdue, const void* of) {
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    if (stopped_ || !MayStandInLine(names, held.in_line)) return false;
    held.at_work = std::max(held.in_line, std::min(held.at_work, limits_.bytes_max));
    const bool runs = MayRun(names) && MayHoldAtWork(names, held.at_work);
    if (!runs && !MayWait(names)) return false;
    texts_.Add(names, held.in_line);
    held_.Add(names, held.in_line);
    if (runs) {
      if (Run({names, std::move(work), held})) return true;
      LetGo(names, held.in_line);
      return false;
    }
    if (MayRun(names)) WaitForRoom(names, held.at_work - held.in_line);
    Count(waiting_of_, names, 1);
    const Duration until = overdue ? clock_.Monotonic() + PatienceOf(names) : kNever;
    waiting_.push_back({std::move(names), std::move(work), held, std::move(overdue), until, of});
    wake = until < planned_;
    planned_ = std::min(planned_, until);
  }
  if (wake) Wake();
  return true;
}

void OutboundPool::Leave(const void* of) {
  std::optional<Job> left;  // Let go of after the lock.
  const MutexLock lock(mutex_);
  const auto found = std::ranges::find(waiting_, of, &Job::of);
  if (of == nullptr || found == waiting_.end()) return;
  Count(waiting_of_, found->names, -1);
  LetGo(found->names, found->held.in_line);
  left = std::move(*found);
  waiting_.erase(found);
  StartWaiting();
}

Duration OutboundPool::Step() {
  const MutexLock sending(sending_away_);
  std::vector<Job> late;
  Duration due = kNever;
  Duration now;
  {
    const MutexLock lock(mutex_);
    now = clock_.Monotonic();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->until > now) {
        due = std::min(due, at->until);
        ++at;
        continue;
      }
      Count(waiting_of_, at->names, -1);
      LetGo(at->names, at->held.in_line);
      late.push_back(std::move(*at));
      at = waiting_.erase(at);
    }
    planned_ = due;
    StartWaiting();
  }
  for (Job& job : late) {
    job.work = nullptr;  // With it goes what it held.
    job.overdue();
  }
  return due == kNever ? kNever : due - now;
}

void OutboundPool::Done(const Names& names, Held held) {
  const MutexLock lock(mutex_);
  texts_.TakeOff(names, held.in_line);
  held_.TakeOff(names, held.at_work);
  --running_;
  if (held.at_work > 0) --holders_at_work_;
  Count(running_of_, names, -1);
  StartWaiting();
}

// Who came first goes first, unless he waits for somebody who has no room.
void OutboundPool::StartWaiting() {
  awaited_.clear();
  for (auto at = waiting_.begin(); at != waiting_.end() && running_ < limits_.threads_max;) {
    const size_t more = at->held.at_work - at->held.in_line;
    const bool may_run = MayRun(at->names);
    if (!may_run || !MayHoldAtWork(at->names, more)) {
      if (may_run) WaitForRoom(at->names, more);
      ++at;
      continue;
    }
    Job next = std::move(*at);
    at = waiting_.erase(at);
    Count(waiting_of_, next.names, -1);
    const Names of = next.names;
    const size_t in_line = next.held.in_line;
    if (!Run(std::move(next))) LetGo(of, in_line);
  }
}

void OutboundPool::Stop() {
  std::deque<Job> dropped;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
    waiting_of_.clear();
  }
  // Where answers go to may be gone afterwards.
  { const MutexLock sent(sending_away_); }
  pool_.Stop();
}

}  // namespace skiff
