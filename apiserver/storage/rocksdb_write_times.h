// When what was written, which revisions do not say: beside the versions a store keeps the time of
// a write and its revision, once in kStep at most.
//
//   family "default", "time" be64(nanoseconds since 1970)      be64(revision)
//
//   12:00:00.00 ─► 7     12:00:03.20 ─► 9     (stopped)     12:10:00.00 ─► 12
//
// Each revision was written at the time of the last entry up to it, or less than kStep later: at
// 12:00:01 the newest was 8, at 12:05 it was 11.
#pragma once

#include <rocksdb/status.h>

#include <cstdint>
#include <optional>

#include "apiserver/storage/store.h"
#include "base/clock.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace skiff {

// Thread-safe, but that one thread at a time adds, loads and forgets.
class WriteTimes {
 public:
  static constexpr Duration kStep = 10ms;

  struct Entry {
    TimePoint at;
    Revision first;  // Written then; all before it were written before.
  };
  // The last one that is not after a moment, and the first one after it.
  struct Around {
    std::optional<Entry> before;
    std::optional<Entry> after;
  };
  struct Place {
    rocksdb::DB* db;
    rocksdb::ColumnFamilyHandle* family;
  };

  // What is there; before the first Add.
  rocksdb::Status Load(const Place& place);
  // Adds to a batch that writes `first` and what follows it at `now`. If the batch fails, all is
  // loaded anew. A clock that goes back takes the entries with it that it says are of the future.
  rocksdb::Status Add(const Place& place, Revision first, TimePoint now,
                      rocksdb::WriteBatch& batch);
  static rocksdb::Status Find(const Place& place, TimePoint moment, Around& found);
  // Adds to a batch which takes away what is told of revisions that are older than the time of
  // `oldest`.
  static rocksdb::Status DropBefore(const Place& place, Revision oldest,
                                    rocksdb::WriteBatch& batch);
  // The same of all.
  static rocksdb::Status DropAll(const Place& place, rocksdb::WriteBatch& batch);

 private:
  TimePoint newest_{};
};

}  // namespace skiff
