// Recently used records, by the revision of their version, so that reads, lists and watches share
// one copy. Bounded in bytes; the least recently used record goes first.
#pragma once

#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/store.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class RecordCache {
 public:
  // Holds records of up to `bytes_max` bytes together; 0 holds none.
  explicit RecordCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // nullptr when it is not here.
  RecordPtr Find(Revision modified);
  // One entry per revision, nullptr where it is not here.
  std::vector<RecordPtr> FindMany(std::span<const Revision> modified);
  void Insert(const RecordPtr& record);
  // As Insert, but evicts nothing: a scan over more than fits must not wash out what is in use.
  void InsertIfRoom(const RecordPtr& record);
  size_t bytes() const;

 private:
  using Order = std::list<RecordPtr>;
  RecordPtr FindLocked(Revision modified) REQUIRES(mutex_);
  void InsertLocked(const RecordPtr& record) REQUIRES(mutex_);

  const size_t bytes_max_;
  mutable Mutex mutex_;
  Order order_ GUARDED_BY(mutex_);  // Most recently used first.
  std::unordered_map<uint64_t, Order::iterator> records_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

// What holding a record costs, with its bookkeeping.
size_t RecordBytes(const Record& record);

}  // namespace skiff
