// Copies of the embedded store as it is at a moment, which the server makes while it goes on:
// directories beside the store, of hard links but for what is written last. Whoever asked for one
// takes it away, by a name elsewhere or altogether (`skiff snapshot`); since a copy that nobody
// takes away keeps on the disk what the store has dropped, there are few.
#pragma once

#include <string>

#include "apiserver/storage/rocksdb_store.h"
#include "base/error.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class Checkpoints {
 public:
  static constexpr int kUntakenMax = 4;

  // What an earlier process left in `directory` is nobody's any more, and goes. `store` outlives
  // this.
  Checkpoints(RocksdbStore& store, std::string directory);
  // The path of a new copy, in which all is that was acknowledged before. TooManyRequests while so
  // many are there.
  Result<std::string> Make();

 private:
  RocksdbStore& store_;
  const std::string directory_;
  Mutex mutex_;
  int made_ GUARDED_BY(mutex_) = 0;
};

// Of a store that nobody has open. A full copy where `to` lies on another disk.
Result<> CopyClosedStore(const std::string& from, const std::string& to);
// Of a store that another process has open, whose disk has no room for copies: `to` lies elsewhere.
// Conflict while that process writes to it.
Result<> CopyOpenStore(const std::string& from, const std::string& to);

}  // namespace skiff
