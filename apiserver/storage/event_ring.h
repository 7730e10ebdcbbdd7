// The recent events of a store, shared by all who watch it.
//
// The writer publishes events in order of revision, all those of one revision at once, and may pass
// over revisions that concern nobody; the oldest make room, in count and in bytes. A cursor is a
// revision, not a queue:
//
//            ring: events 101..180                     cursor of /pods/, drained: idle, wherever
//   ─────────┬───────────────┬────────────┬            the ring goes; the first event under /pods/
//   history  │101        first pending    │180         makes it pending from there and wakes it
//
// An idle cursor costs the writer nothing until an event of its prefix, and with its term, comes; a
// pending one nothing at all. A cursor whose first pending event left the ring reads on from the
// EventHistory, or gets Expired when the backend has none. The writer waits for nobody.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/store.h"
#include "base/mutex.h"

namespace skiff {

// Events that are older than the ring.
class EventHistory {
 public:
  virtual ~EventHistory() = default;
  // Appends the events of `prefix` with `after` < revision <= `through`, oldest first, at most
  // `events_max` of them and more only to finish a revision. Returns the revision up to which none
  // is missing; `after` when it cannot be read at present, and EventRing::WakeStalled is called
  // when it can. Expired when some after `after` are gone. Any thread.
  struct Wanted {
    const std::string& prefix;
    Revision through;
    size_t events_max;
    bool previous = true;  // As in WatchRequest.
  };
  virtual Result<Revision> ReadEvents(const Wanted& wanted, Revision after,
                                      std::vector<EventPtr>& out) = 0;
};

// Thread-safe. Outlives its cursors.
class EventRing {
 public:
  struct Options {
    size_t events_max = 8192;
    // Of the records that the events hold, and of one frame each that watchers derive from them.
    // Where kinds are watched in several forms or versions, more is derived, as far as there is
    // room (watches/derived_room.h): memory may be five times this, and 4 KB more for each event.
    size_t bytes_max = 8 << 20;
  };

  // `current`: the revision before the first event. `history` may be nullptr and outlives the ring.
  EventRing(Revision current, Options options, EventHistory* history);
  ~EventRing();

  // Appends events of revisions that follow, and wakes whom they concern. One caller at a time.
  void Publish(std::span<const EventPtr> events) { Publish(events, events.back()->revision); }
  // The same, and there is nothing else up to `current`.
  void Publish(std::span<const EventPtr> events, Revision current);
  // The events up to `current` are not known. Every cursor finds out whether the history has them.
  void Skip(Revision current);
  // Wakes the cursors whose history could not be read.
  void WakeStalled();
  // As Store::Watch; but `after` is never 0.
  std::unique_ptr<WatchCursor> Watch(WatchRequest request, WakeFunction wake);
  // Of the last event.
  Revision Current() const;

 private:
  class Cursor;
  struct Subscription;
  struct Topic;
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  using Subscriptions = std::vector<std::shared_ptr<Subscription>>;

  static void Wake(const Subscriptions& subscriptions);
  // Moves the idle ones to those that are to be woken: something is pending from `revision` on.
  static void Rouse(Subscriptions& idle, Revision revision, Subscriptions& to_wake);
  void Notify(const Event& event, Subscriptions& to_wake) REQUIRES(mutex_);
  void Evict(std::vector<EventPtr>& evicted) REQUIRES(mutex_);
  void EvictOldest(std::vector<EventPtr>& evicted) REQUIRES(mutex_);
  void MakeIdle(const std::shared_ptr<Subscription>& subscription) REQUIRES(mutex_);
  void Remove(const std::shared_ptr<Subscription>& subscription);

  const Options options_;
  EventHistory* const history_;
  mutable Mutex mutex_;
  std::deque<EventPtr> ring_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  Revision current_ GUARDED_BY(mutex_);
  // Events up to here are not in the ring, all later ones are.
  Revision evicted_ GUARDED_BY(mutex_);
  Subscriptions stalled_ GUARDED_BY(mutex_);
  uint64_t stalled_wakes_ GUARDED_BY(mutex_) = 0;  // Calls of WakeStalled.
  // The cursors, by prefix; and how many prefixes there are of each length, so that an event finds
  // the prefixes of its key by one lookup a length.
  std::unordered_map<std::string, std::unique_ptr<Topic>, StringHash, std::equal_to<>> topics_
      GUARDED_BY(mutex_);
  std::map<size_t, size_t> lengths_ GUARDED_BY(mutex_);
};

}  // namespace skiff
