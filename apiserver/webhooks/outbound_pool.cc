#include "apiserver/webhooks/outbound_pool.h"

#include <algorithm>
#include <memory>

namespace skiff {
namespace {

bool AllBelow(const std::map<std::string, int>& counts, const OutboundPool::Names& names,
              int count_max) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() || found->second < count_max;
  });
}

void Count(std::map<std::string, int>& counts, const OutboundPool::Names& names, int change) {
  for (const std::string& name : names) {
    int& count = counts[name];
    count += change;
    if (count == 0) counts.erase(name);
  }
}

}  // namespace

bool OutboundPool::MayRun(const Names& names) const {
  return running_ < limits_.threads_max &&
         AllBelow(running_of_, names, limits_.running_per_name_max);
}

bool OutboundPool::MayWait(const Names& names) const {
  return waiting_.size() < limits_.waiting_max &&
         AllBelow(waiting_of_, names, limits_.waiting_per_name_max);
}

bool OutboundPool::Run(Job job) {
  const auto shared = std::make_shared<Job>(std::move(job));
  const bool taken = pool_.Submit([this, shared] {
    shared->work();
    shared->work = nullptr;
    Done(shared->names);
  });
  if (!taken) return false;
  ++running_;
  Count(running_of_, shared->names, 1);
  return true;
}

bool OutboundPool::Submit(Names names, std::function<void()> work) {
  const MutexLock lock(mutex_);
  if (stopped_) return false;
  if (MayRun(names)) return Run({std::move(names), std::move(work)});
  if (!MayWait(names)) return false;
  Count(waiting_of_, names, 1);
  waiting_.push_back({std::move(names), std::move(work)});
  return true;
}

void OutboundPool::Done(const Names& names) {
  const MutexLock lock(mutex_);
  --running_;
  Count(running_of_, names, -1);
  // Who came first goes first, unless he waits for somebody who has no room.
  for (auto at = waiting_.begin(); at != waiting_.end() && running_ < limits_.threads_max;) {
    if (!MayRun(at->names)) {
      ++at;
      continue;
    }
    Job next = std::move(*at);
    at = waiting_.erase(at);
    Count(waiting_of_, next.names, -1);
    Run(std::move(next));
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
  pool_.Stop();
}

}  // namespace skiff
