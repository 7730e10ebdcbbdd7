#include "apiserver/storage/follower.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/at_once.h"

namespace skiff {
namespace {

constexpr size_t kEventsPerStep = 256;
// As many as may be taken in where nothing may take long.
constexpr size_t kEventsAtOnce = 8;
constexpr int kYieldsMax = 200;
// Of those beyond the first few: on a busy machine each may take a slice of somebody else's.
constexpr int kYieldsMin = 8;
constexpr auto kYieldsFor = std::chrono::milliseconds(5);

}  // namespace

bool ReadPatience::Yield() {
  if (IsAtOnce() || ++yields_ > kYieldsMax) return false;
  const auto now = std::chrono::steady_clock::now();
  if (yields_ == 1) end_ = now + kYieldsFor;
  if (yields_ > kYieldsMin && now > end_) return false;
  std::this_thread::yield();
  return true;
}

const Clock& ProcessClock() {
  static const SystemClock clock;
  return clock;
}

std::optional<ListPage> ListPause::List(Store& store, const ListRequest& request) {
  const Revision current = store.Current();
  const Duration begun = clock_.Monotonic();
  {
    const MutexLock lock(mutex_);
    if (begun < until_ && current == failed_at_) return std::nullopt;
  }
  auto page = store.List(request);
  if (page) return *std::move(page);
  const Duration now = clock_.Monotonic();
  const MutexLock lock(mutex_);
  if (now - begun >= kPrompt) until_ = now + std::min(now - begun, kMax);
  failed_at_ = current;
  return std::nullopt;
}

bool ReadThrough(WatchCursor& cursor, Revision current,
                 const std::function<void(const Event&)>& tell) {
  ReadPatience patience;
  return ReadThrough(cursor, current, tell, patience);
}

bool ReadThrough(WatchCursor& cursor, Revision current,
                 const std::function<void(const Event&)>& tell, ReadPatience& patience) {
  const size_t per_step = IsAtOnce() ? kEventsAtOnce : kEventsPerStep;
  std::vector<EventPtr> events;
  while (true) {
    events.clear();
    if (!cursor.Next(per_step, events)) return false;
    for (const EventPtr& event : events) tell(*event);
    if (events.size() >= per_step) {
      if (!MayWait()) return false;
      continue;
    }
    if (cursor.position() >= current) return true;
    // Whoever commits makes a revision readable, and a moment later tells cursors of it: to wait
    // for that is less than to list everything. A cursor that fell behind has nothing until others
    // have read on for it, which takes longer.
    if (!patience.Yield()) return false;
  }
}

bool Follower::List(const std::function<void()>& begin,
                    const std::function<void(const Record&)>& tell) {
  cursor_.reset();
  const auto page = pause_->List(store_, {.prefix = prefix_});
  if (!page) return false;
  begin();
  for (const RecordPtr& record : page->records) tell(*record);
  auto cursor = store_.Watch(prefix_, page->revision, [] {});
  if (cursor) cursor_ = std::move(*cursor);
  return follows();
}

bool Follower::Read(Revision current, const std::function<void(const Event&)>& tell) {
  ReadPatience patience;
  return Read(current, tell, patience);
}

bool Follower::Read(Revision current, const std::function<void(const Event&)>& tell,
                    ReadPatience& patience) {
  return follows() && ReadThrough(*cursor_, current, tell, patience);
}

}  // namespace skiff
