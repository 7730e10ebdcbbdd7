#include "apiserver/storage/follower.h"

#include <vector>

#include "base/at_once.h"

namespace skiff {
namespace {

constexpr size_t kEventsPerStep = 256;
// As many as may be taken in where nothing may take long.
constexpr size_t kEventsAtOnce = 8;

}  // namespace

bool ReadThrough(WatchCursor& cursor, Revision current,
                 const std::function<void(const Event&)>& tell) {
  const size_t per_step = IsAtOnce() ? kEventsAtOnce : kEventsPerStep;
  std::vector<EventPtr> events;
  for (;;) {
    events.clear();
    if (!cursor.Next(per_step, events)) return false;
    for (const EventPtr& event : events) tell(*event);
    if (events.size() < per_step) break;
    if (!MayWait()) return false;
  }
  // A cursor that fell behind has nothing until others have read on for it.
  return cursor.position() >= current;
}

bool Follower::List(const std::function<void()>& begin,
                    const std::function<void(const Record&)>& tell) {
  cursor_.reset();
  const auto page = store_.List({.prefix = prefix_});
  if (!page) return false;
  begin();
  for (const RecordPtr& record : page->records) tell(*record);
  auto cursor = store_.Watch(prefix_, page->revision, [] {});
  if (cursor) cursor_ = std::move(*cursor);
  return follows();
}

bool Follower::Read(Revision current, const std::function<void(const Event&)>& tell) {
  return follows() && ReadThrough(*cursor_, current, tell);
}

}  // namespace skiff
