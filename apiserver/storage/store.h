// The store: etcd's contract, as this project uses it.
//
// A store holds records under keys and counts revisions. Every write that changes something takes
// the next revision, one per write; where several servers share a store, revisions in between are
// the writes of others, and what one of them deletes at once has one revision. A record remembers
// the revision that created it and the one that last changed it. An empty store stands at
// revision 1. Reads and lists see one revision; watches replay the writes after one, in order and
// without gaps. A write is acknowledged after it is durable, and visible to reads and watches only
// then. Old versions stay readable until they are compacted.
//
//   revision   1          2          3          4          5
//   write      (empty)    put /a=x   put /b=y   put /a=z   delete /b
//   Get(/a, at 3) = x     List(/, at 4) = a=z b=y     Watch(after 3) = [4 put a] [5 delete b]
//
// Keys are not empty and hold no NUL byte. One contract test suite (store_contract.h) runs on every
// backend. All methods are thread-safe and may block on the disk, or fail where nobody may wait
// (base/at_once.h): a Get of what is at hand and a Watch do not. None calls back while holding a
// lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/storage/index_terms.h"
#include "apiserver/storage/sealing.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// The store's counter. 0: "whatever is newest" where a request may leave it open.
struct Revision {
  uint64_t value = 0;
  auto operator<=>(const Revision&) const = default;
};

// What a writer made a value of, for those in this process who would else make it of the value
// again. It is not stored, and the store does not look into it.
class Attached {
 public:
  virtual ~Attached() = default;
  // Called once, by the store, before anybody gets to see the record.
  virtual void StoredAt(Revision revision) = 0;
};

// Immutable once published; shared by caches, watchers and answers.
struct Record {
  std::string key;
  std::string value;
  Revision created;   // Of the write that made the key exist.
  Revision modified;  // Of the write that made this version.
  // As long as somebody has it: the store itself only for moments.
  std::weak_ptr<const Attached> attached = {};
  SealId seal = kNoSeal;  // By which its value is kept; a record in memory is always plain.
};
using RecordPtr = std::shared_ptr<const Record>;

// What a write expects to find under its key.
struct Precondition {
  enum class Kind : uint8_t {
    kAbsent,    // no such key; else AlreadyExists
    kRevision,  // modified == revision; else Conflict, or NotFound when there is no such key
    kExists,    // any version; else NotFound
    kNone,
  };
  Kind kind = Kind::kNone;
  Revision revision = {};
};

// A key beside the written one that has to be, at that very step, as it was at that revision.
struct Unchanged {
  std::string key;
  Revision modified;
};

struct Write {
  std::string key;
  Precondition expect;
  // nullopt deletes the key; one that does not exist fails with NotFound whatever is expected.
  std::optional<std::string> value;
  // Byte offset in `value` where the store inserts the decimal digits of the write's own revision;
  // npos: nowhere. So an object holds its own resourceVersion without being encoded twice.
  size_t revision_at = std::string::npos;
  // Few; else Conflict, but where `expect` has a failure to tell, that one.
  std::vector<Unchanged> relies_on = {};
  // Comes to be that of the record. A backend may leave it.
  std::shared_ptr<Attached> attached = nullptr;
  // What the writer has read under the key, if he has; it may have been replaced since. A backend
  // that needs the version before this one has it at hand by that.
  RecordPtr read = nullptr;
};

// What a successful write answers. For a delete `record` is the record that was deleted.
struct Written {
  Revision revision;
  RecordPtr record;
};

struct ListRequest {
  std::string prefix;
  // Starts at the first key > this one; "" starts at the prefix.
  std::string start_after;
  // 0: the newest. An older revision than the compacted one fails with Expired, a newer one than
  // the current with kTimeout ("Too large resource version").
  Revision at;
  // As GetAny: a state that this server has heard of will do, where `at` leaves it open.
  bool any = false;
  // Most records that are returned; 0: no limit.
  size_t limit = 0;
  // Records it refuses do not count towards `limit`. May be empty. Must not call the store.
  std::function<bool(const Record&)> filter;
  // What the filter asks for, for a store that can go by it and look at fewer records: of each
  // group a record has at least one term. `resource` is the prefix, around `prefix`, of all records
  // of that kind. Nothing is said by no groups.
  struct Terms {
    std::string resource;
    std::vector<std::vector<IndexTerm>> groups;
  };
  Terms terms;
  // Counts what is left after the page (without looking at `filter`).
  bool count_remaining = false;
  // Not 0: the list ends, as by `limit`, once its values have about so many bytes. A backend whose
  // lists hold nothing (OpenList) may leave it.
  size_t bytes_max = 0;
};

struct WatchRequest {
  std::string prefix;
  // Events of revisions after this one; 0: from now on; a revision not reached yet: from there on.
  Revision after;
  // What a record has that the watcher wants to see. Events whose record had it neither before nor
  // after need not be returned, and wake nobody.
  std::optional<IndexTerm> term = std::nullopt;
  // Whether the watcher looks at Event::previous. One that takes every object does not have to, and
  // what it goes on from is read at half the cost.
  bool previous = true;
};

struct ListPage {
  std::vector<RecordPtr> records;
  Revision revision;  // The one that was read.
  // `limit` or `bytes_max` was reached and keys are left, whether or not the filter would take
  // them.
  bool more = false;
  uint64_t remaining = 0;  // Only with count_remaining, and exact only without a filter.
};

// A list that is read piece by piece. Between two pieces it holds a few bytes a record, and nothing
// of the disk: to whom takes so long that what he has not read is compacted, Next fails with
// Expired. Destroyed before its store. One thread at a time.
//
//   auto cursor = TRY(store.OpenList({.prefix = "/registry/pods/"}));
//   for (bool more = true; more;) {
//     records.clear();
//     more = TRY(cursor->Next(256 << 10, records));
//     Send(records);
//   }
class ListCursor {
 public:
  virtual ~ListCursor() = default;
  // As ListPage has them. Known from the start.
  virtual Revision revision() const = 0;
  virtual bool more() const = 0;
  virtual uint64_t remaining() const = 0;
  // Of a list with a limit: the last key that it has.
  virtual const std::string& last_key() const = 0;
  // Appends the records that come next, about `bytes_max` of them and one at least, unless it has
  // looked at many that the filter refused. False: those were the last.
  virtual Result<bool> Next(size_t bytes_max, std::vector<RecordPtr>& out) = 0;
  // The next record is again the first one but `skip`, of those that Next has returned.
  virtual void Rewind(size_t skip) = 0;
};

struct Event {
  enum class Kind : uint8_t { kPut, kDelete };
  Kind kind;
  Revision revision;
  // kPut: the new version. kDelete: the last version, as it was before.
  RecordPtr record;
  // Whether there was a version before this write, and that version; nullptr also where nobody who
  // gets the event wants it (WatchRequest::previous).
  bool existed = false;
  RecordPtr previous;
  // Read again after it had left the ring, for those who come back.
  bool bygone = false;
  // What is costly to derive from an event (encoded watch frames) is kept here, so that all who
  // watch share it. Set once, by whoever comes first: apiserver/watches/shared_frames.h.
  class Derived {
   public:
    virtual ~Derived() = default;
  };
  mutable std::atomic<std::shared_ptr<Derived>> derived;
};
using EventPtr = std::shared_ptr<const Event>;

// A position in the history of one prefix. Costs bytes, not a queue: events lie in a ring that all
// cursors share, and a cursor that is slower than the ring goes on from older storage, never at the
// writer's cost. Destroyed before its store. One thread at a time.
//
//   auto cursor = TRY(store.Watch("/registry/pods/", Revision{7}, [this] { loop_.Wake(); }));
//   do {                                    // Once after Watch, then after every wake:
//     events.clear();
//     TRY(cursor->Next(256, events));
//     Send(events);
//   } while (events.size() >= 256);         // Fewer: drained, the next event wakes.
class WatchCursor {
 public:
  virtual ~WatchCursor() = default;
  // Appends up to `events_max` events that come next, more only to finish a revision, and moves on;
  // appends nothing when there are none yet. Expired when the cursor fell behind the window (or was
  // opened behind the compacted revision): the watcher has to list again.
  virtual Result<> Next(size_t events_max, std::vector<EventPtr>& out) = 0;
  // Everything up to this revision has been returned by Next (or does not match): what a bookmark
  // may promise. Moves by itself while there is nothing to return.
  virtual Revision position() const = 0;
};

// Called (on any thread, never under a lock of the store) when something may have become visible.
// Must return quickly, and neither call the store nor destroy a cursor. Destroying the cursor waits
// for a call that runs, so the function takes no lock which is held while its cursor is destroyed.
using WakeFunction = std::function<void()>;

class Store {
 public:
  virtual ~Store() = default;

  // NotFound when the key does not exist at that revision; Expired and kTimeout as in ListRequest.
  virtual Result<RecordPtr> Get(const std::string& key, Revision at = {}) = 0;
  // The same for who is content with a version that this server has heard of and shown, though
  // others may have written a newer one by now: what a server that is cut off from them can answer.
  virtual Result<RecordPtr> GetAny(const std::string& key) { return Get(key); }
  virtual Result<ListPage> List(const ListRequest& request) = 0;
  // How many keys there are under the prefix in a state that this server has heard of. A backend
  // that has them in memory asks nobody.
  virtual Result<uint64_t> CountAny(const std::string& prefix);
  // The list that List would return, of which no more is held than what is read at a time; the
  // filter is called for as long as the cursor lives, and on its thread.
  virtual Result<std::unique_ptr<ListCursor>> OpenList(const ListRequest& request);
  // One compare-and-swap; returns when it is durable and visible. A put that leaves the value as it
  // is still takes a revision: callers that care compare first.
  virtual Result<Written> Apply(Write write) = 0;
  // As Apply, but that this thread need not wait: `then` is told the outcome, on any thread,
  // perhaps before the return. It takes no time, and calls no store.
  using Then = std::function<void(Result<Written>)>;
  virtual void ApplyLater(Write write, Then then) { then(Apply(std::move(write))); }
  // Each of them as if by Apply, in this order, and what each would answer: one that fails stops
  // no other, but where the store itself is away. A backend may make all durable at once. Callers
  // bound how many they bring.
  virtual std::vector<Result<Written>> ApplyAll(std::vector<Write> writes);
  // Events of keys under the prefix. `wake` is called when the first event arrives after Next has
  // returned fewer than were asked for, and not again before the next Next; never after the cursor
  // is destroyed. What lies before the compacted revision fails with Expired, here or at the first
  // Next.
  virtual Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                                     WakeFunction wake) = 0;
  Result<std::unique_ptr<WatchCursor>> Watch(const std::string& prefix, Revision after,
                                             WakeFunction wake) {
    return Watch({.prefix = prefix, .after = after}, std::move(wake));
  }
  // The newest visible revision. Get and List without a revision see what others wrote before the
  // call, and may so be ahead of it.
  virtual Revision Current() = 0;
  // Succeeds once `revision`, which a client may have from another server, is visible here; waits
  // for it only when it exists. Else kTimeout ("Too large resource version").
  virtual Result<> Reach(Revision revision) = 0;
  // Versions that are no longer current at `revision` become unreadable; reads and watches from
  // before it fail with Expired. Monotonic: an older revision than Compacted() changes nothing; a
  // newer one than Current() fails with kTimeout.
  virtual Result<> Compact(Revision revision) = 0;
  // The oldest revision that can be read; 0 when nothing was compacted yet.
  virtual Revision Compacted() = 0;
  // Lists in pages that began before `revision` have expired, though it can be read for longer.
  // Monotonic.
  virtual void ExpirePages(Revision) {}
  // Since when they have not: Compacted() at least.
  virtual Revision PagesFrom() { return Compacted(); }
  // Whether the record's value would be sealed by another key if it were written again now: to do
  // so is worth a write that changes nothing else.
  virtual bool IsSealedAnew(const Record&) const { return false; }
};

}  // namespace skiff
