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
#include <string>

#include "apiserver/storage/store.h"

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
  Follower(Store& store, std::string prefix) : store_(store), prefix_(std::move(prefix)) {}
  // Tells, after `begin`, of all records that there are; what comes after them is for Read. False
  // when that cannot be followed, or nothing was read and nothing told.
  bool List(const std::function<void()>& begin, const std::function<void(const Record&)>& tell);
  // Tells of what was written since, as ReadThrough; false also when it was never listed.
  bool Read(Revision current, const std::function<void(const Event&)>& tell,
            ReadPatience& patience);
  bool Read(Revision current, const std::function<void(const Event&)>& tell);
  bool follows() const { return cursor_ != nullptr; }

 private:
  Store& store_;
  const std::string prefix_;
  std::unique_ptr<WatchCursor> cursor_;
};

}  // namespace skiff
