// Follows the records under a prefix for whoever looks now and then, and must know by then all that
// was written before. Nobody is woken, and what nobody looks at costs nothing.
//
//   const Revision current = store.Current();
//   if (!pods.Read(current, [&](const Event& event) { Take(event); })) {
//     (void)pods.List([&] { Clear(); }, [&](const Record& record) { Put(record); });
//   }
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace skiff {

// For how long reading on waits for what is committed and not told yet: a moment, and no more for
// several cursors that one request reads one after the other.
class ReadPatience {
 public:
  // Lets others run; false when it is over.
  bool Yield();

 private:
  int yields_ = 0;
  std::chrono::steady_clock::time_point end_;
};

// The process's clock, for who is given none.
const Clock& ProcessClock();

// Keeps those who look things up from waiting in vain, one after the other, for a store that keeps
// silent: once that was waited for, nobody tries again for as long as it took, kMax at most, unless
// the store has moved on. What fails within kPrompt costs little, and the next one tries it.
// Several who list of one store for the same requests share one. Thread-safe.
class ListPause {
 public:
  static constexpr Duration kMax = 2s;
  static constexpr Duration kPrompt = 250ms;

  // `clock` outlives it.
  explicit ListPause(const Clock& clock = ProcessClock()) : clock_(clock) {}
  // The list, or nothing: it failed, or is not to be tried now.
  std::optional<ListPage> List(Store& store, const ListRequest& request);
  const Clock& clock() const { return clock_; }

 private:
  const Clock& clock_;
  Mutex mutex_;
  Duration until_ GUARDED_BY(mutex_) = Duration::zero();
  Revision failed_at_ GUARDED_BY(mutex_);  // What the store had come to when it failed.
};
using ListPausePtr = std::shared_ptr<ListPause>;

// Tells of what a cursor has. False when it has to be listed: it is no longer known how it went on,
// or only somebody who waits longer would be told all through `current`. In an attempt
// (base/at_once.h) also when there is much to tell; the rest of it comes next time.
bool ReadThrough(WatchCursor& cursor, Revision current,
                 const std::function<void(const Event&)>& tell, ReadPatience& patience);
bool ReadThrough(WatchCursor& cursor, Revision current,
                 const std::function<void(const Event&)>& tell);

// One thread at a time; destroyed before its store.
class Follower {
 public:
  Follower(Store& store, std::string prefix, ListPausePtr pause = std::make_shared<ListPause>())
      : store_(store), prefix_(std::move(prefix)), pause_(std::move(pause)) {}
  // Tells, after `begin`, of all records that there are; what comes after them is for Read. False
  // when that cannot be followed, or nothing was read and nothing told; for a while after a store
  // that kept silent it is not asked (ListPause).
  bool List(const std::function<void()>& begin, const std::function<void(const Record&)>& tell);
  // Tells of what was written since, as ReadThrough; false also when it was never listed.
  bool Read(Revision current, const std::function<void(const Event&)>& tell,
            ReadPatience& patience);
  bool Read(Revision current, const std::function<void(const Event&)>& tell);
  bool follows() const { return cursor_ != nullptr; }

 private:
  Store& store_;
  const std::string prefix_;
  const ListPausePtr pause_;
  std::unique_ptr<WatchCursor> cursor_;
};

}  // namespace skiff
