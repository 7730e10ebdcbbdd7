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
// and sending go on at the same time; and pieces stay for some seconds, with the frames that were
// made of their events. Clients that a network or a server parted come back together, and not all
// of them are equally fast.
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
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class HistoryReader final : public ControlLoop {
 public:
  static constexpr Duration kRetryPeriod = 1s;
  // Of the pieces that are kept aside: how long after they were last used, how many, and how many
  // bytes of records together. What is sent of most of them is a copy that nobody keeps.
  static constexpr Duration kKeptFor = 10s;
  static constexpr size_t kKeptMax = 64;
  static constexpr size_t kKeptBytesMax = 96 << 20;

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
  HistoryReader(const Clock& clock, Fetch fetch, std::function<void()> ready)
      : clock_(clock), fetch_(std::move(fetch)), ready_(std::move(ready)) {}

  // From now on ReadEvents fetches nothing itself. Before it is first called; whoever calls this
  // runs the loop.
  void ReadAside() { aside_ = true; }
  // As EventHistory::ReadEvents.
  Result<Revision> ReadEvents(const EventHistory::Wanted& wanted, Revision after,
                              std::vector<EventPtr>& out);
  Duration Step() override;

 private:
  static constexpr size_t kKeptMaxNotAside = 4;
  // Those in use last, which give no room to others.
  static constexpr size_t kNewestMax = 8;

  struct Kept {
    SegmentPtr segment;
    size_t bytes = 0;
    Duration used = Duration::zero();  // Monotonic, when it last was.
  };

  using Dropped = std::vector<SegmentPtr>;  // To be let go of without the lock.

  SegmentPtr Find(Revision after, bool previous) REQUIRES(mutex_);
  void Keep(SegmentPtr segment, Dropped& dropped) REQUIRES(mutex_);
  void Drop(std::deque<Kept>::iterator kept, Dropped& dropped) REQUIRES(mutex_);
  // What nobody used for long. Returns in how long there may be more of it.
  Duration DropUnused(Dropped& dropped) REQUIRES(mutex_);

  const Clock& clock_;
  const Fetch fetch_;
  const std::function<void()> ready_;
  const Log log_{"storage"};
  bool aside_ = false;
  bool failing_ = false;  // Of Step: it has been said.
  Mutex mutex_;
  std::deque<Kept> segments_ GUARDED_BY(mutex_);  // In order of use, the latest last.
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  // Where cursors stall, and whether one of them wants what was before; no more than there are
  // cursors.
  std::map<Revision, bool> wanted_ GUARDED_BY(mutex_);
  // What somebody will want next.
  std::optional<std::pair<Revision, bool>> ahead_ GUARDED_BY(mutex_);
  Revision expired_ GUARDED_BY(mutex_);  // What was wanted before this is gone.
};

}  // namespace skiff
