// The events of a store that have left its ring, read in pieces that all who need them share: after
// a restart thousands of cursors go on from nearly the same place.
//
//   cursor ──ReadEvents──► a piece is at hand? ──yes──► its events
//                                  │ no
//                                  ├── by default: fetched here and now
//                                  └── aside: noted; the cursor stalls, Step fetches the oldest
//                                      piece that is wanted, and wakes those who stall
//
// Aside, the piece behind one that is being taken is fetched while nobody stalls, so that reading
// and sending go on at the same time.
//
// Cursors are read on loops that serve thousands of connections, where nothing may wait for a disk
// or for others: a program reads aside. Tests and the simulation need no thread for it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/storage/event_ring.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class HistoryReader final : public ControlLoop {
 public:
  static constexpr Duration kRetryPeriod = 1s;

  // What happened in (after, through], all of it, whole revisions.
  struct Segment {
    Revision after;
    Revision through;
    std::vector<EventPtr> events;
    bool previous = true;  // Whether the events have what was before them.
  };
  using SegmentPtr = std::shared_ptr<const Segment>;
  // The segment that `after` lies in, which reaches beyond it; bounded, and may begin before it.
  // Without what was before its events where nobody wants that, if that is less work. Expired when
  // it is gone. May block.
  using Fetch = std::function<Result<SegmentPtr>(Revision after, bool previous)>;

  // `ready` is called when those who stall should ask again.
  HistoryReader(Fetch fetch, std::function<void()> ready)
      : fetch_(std::move(fetch)), ready_(std::move(ready)) {}

  // From now on ReadEvents fetches nothing itself. Before it is first called; whoever calls this
  // runs the loop.
  void ReadAside() { aside_ = true; }
  // As EventHistory::ReadEvents.
  Result<Revision> ReadEvents(const EventHistory::Wanted& wanted, Revision after,
                              std::vector<EventPtr>& out);
  Duration Step() override;

 private:
  static constexpr size_t kSegmentsMax = 4;

  SegmentPtr Find(Revision after, bool previous) REQUIRES(mutex_);
  void Keep(SegmentPtr segment) REQUIRES(mutex_);

  const Fetch fetch_;
  const std::function<void()> ready_;
  const Log log_{"storage"};
  bool aside_ = false;
  bool failing_ = false;  // Of Step: it has been said.
  Mutex mutex_;
  // Read lately, newest last; at most kSegmentsMax.
  std::deque<SegmentPtr> segments_ GUARDED_BY(mutex_);
  // Where cursors stall, and whether one of them wants what was before; no more than there are
  // cursors.
  std::map<Revision, bool> wanted_ GUARDED_BY(mutex_);
  // What somebody will want next.
  std::optional<std::pair<Revision, bool>> ahead_ GUARDED_BY(mutex_);
  Revision expired_ GUARDED_BY(mutex_);  // What was wanted before this is gone.
};

}  // namespace skiff
