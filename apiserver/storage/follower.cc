#include "apiserver/storage/follower.h"

#include <vector>

namespace skiff {
namespace {

constexpr size_t kEventsPerStep = 256;

}  // namespace

bool ReadThrough(WatchCursor& cursor, Revision current,
                 const std::function<void(const Event&)>& tell) {
  std::vector<EventPtr> events;
  do {
    events.clear();
    if (!cursor.Next(kEventsPerStep, events)) return false;
    for (const EventPtr& event : events) tell(*event);
  } while (events.size() >= kEventsPerStep);
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
