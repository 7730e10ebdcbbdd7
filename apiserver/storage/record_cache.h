// Recently used records, by the revision of their version, so that reads, lists and watches share
// one copy. Where others write to the same cluster, they may change several keys in one revision:
// there the key is asked for as well. Bounded in bytes; the least recently used record goes first.
// What nobody has used for a while goes too, down to a quarter of that: who works has room, who
// rests holds little.
#pragma once

#include <deque>
#include <list>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/key_texts.h"
#include "apiserver/storage/store.h"
#include "base/control_loop.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class RecordCache {
 public:
  // Holds records of up to `bytes_max` bytes together; 0 holds none.
  explicit RecordCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // nullptr when it is not here. Of a revision that changed several keys: some one of them.
  RecordPtr Find(Revision modified);
  RecordPtr Find(Revision modified, std::string_view key);
  // One entry per revision, nullptr where it is not here.
  std::vector<RecordPtr> FindMany(std::span<const Revision> modified);
  // The same, each of that key.
  std::vector<RecordPtr> FindMany(std::span<const Revision> modified, const KeyTexts& keys);
  void Insert(const RecordPtr& record);
  // How often it was cleared. What is read from the store is inserted with what this said before it
  // was read: if it was cleared meanwhile, that was opened by keys that may hold no more.
  uint64_t clears() const;
  void Insert(const RecordPtr& record, uint64_t clears);
  // What is attached to so many records, those inserted last, is held as well: until they have been
  // read by whoever follows them.
  static constexpr size_t kAttachedMax = 1024;
  // But to none whose value is longer.
  static constexpr size_t kAttachedBytesMax = size_t{32} << 10;
  // As Insert, but evicts nothing: a scan over more than fits must not wash out what is in use.
  void InsertIfRoom(const RecordPtr& record, uint64_t clears);
  // What takes its place is what is asked for from now on.
  void Erase(const Record& record);
  // Lets go of everything: what is stored is to be read anew.
  void Clear();
  // Lets go of what was not used since the last call, down to a quarter of `bytes_max`, and of all
  // that is attached.
  void Age();
  size_t bytes() const;

 private:
  struct Entry {
    RecordPtr record;
    uint64_t used;  // The age_ of then.
  };
  using Order = std::list<Entry>;
  using Places = std::unordered_multimap<uint64_t, Order::iterator>;
  // The end when it is not here.
  Places::iterator Place(Revision modified, std::string_view key) REQUIRES(mutex_);
  // What is at that place, or nullptr at the end.
  RecordPtr Use(Places::iterator place) REQUIRES(mutex_);
  void InsertLocked(const RecordPtr& record) REQUIRES(mutex_);
  void EvictOldest() REQUIRES(mutex_);

  const size_t bytes_max_;
  mutable Mutex mutex_;
  Order order_ GUARDED_BY(mutex_);  // Most recently used first.
  Places records_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t age_ GUARDED_BY(mutex_) = 0;  // Calls of Age.
  uint64_t clears_ GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<const Attached>> attached_ GUARDED_BY(mutex_);
};

// Ages a cache: what is not used for one to two periods goes.
class RecordAging final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 30s;

  // `cache` outlives the loop.
  explicit RecordAging(RecordCache& cache) : cache_(cache) {}

  Duration Step() override {
    cache_.Age();
    return kPeriod;
  }

 private:
  RecordCache& cache_;
};

// What holding a record costs, with its bookkeeping.
size_t RecordBytes(const Record& record);

}  // namespace skiff
