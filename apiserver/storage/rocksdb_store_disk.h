// The disk layout of RocksdbStore, and the only door to RocksDB.
//
//   column family   key                        value
//   default         "format"                   be32: the layout's version, kFormat
//                   "compacted", "dropped"     be64 revision: see Compact
//                   "time" ...                 see rocksdb_write_times.h
//   keys            <key> NUL be64(~revision)  'p' put, 'd' delete
//   log             be64(revision)             kind, be64 created, be64 previous, be32 length of
//   the
//                                              key, key, value
//
// `log` is the history in order: what watches replay, and where a version is looked up by its
// revision. `keys` finds the version of a key at a revision (the newest first), and is small enough
// to be read whole at the start. A write adds one entry to each, in one atomic batch.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/storage/store.h"
#include "apiserver/storage/rocksdb_write_times.h"

namespace rocksdb {
class Env;
class WriteBatch;
}  // namespace rocksdb

namespace skiff {

// One write, as the log keeps it. The views live as long as their source.
struct Version {
  Event::Kind kind = Event::Kind::kPut;
  Revision revision;
  Revision created;   // Of the put that made the key exist.
  Revision previous;  // The version that this one replaced or deleted; 0 when there was none.
  std::string_view key;
  std::string_view value;  // Empty for a delete.
};

// Of a put.
RecordPtr RecordOf(const Version& version);

// Thread-safe, but Append and Compact each want one caller at a time.
class RocksdbDisk {
 public:
  static constexpr uint32_t kFormat = 1;
  // What Reopen needs: the log that is replayed, written to files, and a new log.
  static constexpr uint64_t kReopenBytesMin = 32 << 20;

  struct Options {
    std::string path;
    rocksdb::Env* env = nullptr;  // nullptr: the real disk. Outlives the store.
    bool write_ahead_log = true;
  };

  // For reading. Each call sees everything that was appended before it, and nothing holds up what
  // is compacted meanwhile: whoever reads what is not the newest asks afterwards whether the
  // revision is readable still. (A snapshot of RocksDB would see to it, but to let one go has every
  // file written again whose entries still have their sequence numbers: all of the log once.)
  class View {
   public:
    View(const View&) = delete;
    View& operator=(const View&) = delete;
    // The put of that revision; nullptr when there is none (any more).
    Result<RecordPtr> Read(Revision revision) const;
    // The same of each: together, since many lie in one block.
    Result<std::vector<RecordPtr>> ReadMany(std::span<const Revision> revisions) const;
    // The newest version of the key at `at`; 0 when it does not exist then.
    Result<Revision> FindAt(std::string_view key, Revision at) const;
    // Calls `visit` with each key under `prefix` that exists at `at` and its version, in order,
    // after `start_after` ("" from the start), until it returns false or fails.
    Result<> WalkKeys(std::string_view prefix, std::string_view start_after, Revision at,
                      const std::function<Result<bool>(std::string_view, Revision)>& visit) const;
    // Calls `visit` with each version after `after` in order, until it returns false or fails.
    Result<> WalkLog(Revision after,
                     const std::function<Result<bool>(const Version&)>& visit) const;

   private:
    friend class RocksdbDisk;
    using Use = std::shared_lock<std::shared_mutex>;
    View(const RocksdbDisk& disk, Use use) : use_(std::move(use)), disk_(disk) {}
    const Use use_;  // Of mutex_; none when the maker of the view holds one itself.
    const RocksdbDisk& disk_;
  };

  // Makes an empty store where there is none, its folder included. Refuses a layout that is newer
  // than kFormat.
  static Result<std::unique_ptr<RocksdbDisk>> Open(const Options& options);
  // What is in a store that is there, which stays as it is; another process may have it open.
  struct Facts {
    uint32_t format = 0;
    Revision last;
    Revision compacted;
  };
  static Result<Facts> Inspect(const Options& options);
  // Copies a store that another process may have open to a new directory (its parent exists).
  // Conflict when that one writes files meanwhile: the copy is no store then. Only the copy takes
  // space, so that a store on a full disk can be copied to another one.
  static Result<> CopyFromOutside(const Options& options, const std::string& path);
  ~RocksdbDisk();

  // As found by Open. The newest version ever appended, 0 when there is none; and how far it was
  // compacted.
  Revision LastRevision() const { return last_; }
  Revision Compacted() const { return compacted_; }
  View Newest() const;
  // Whether a write failed for lack of space since it was opened.
  bool full() const { return full_; }

  // Appends all or none, with one write of the log, synced before the return if asked for. There is
  // one at least; `now` is when.
  Result<> Append(std::span<const Version> versions, bool sync, TimePoint now);
  // When what was written around that moment.
  Result<WriteTimes::Around> TimesAround(TimePoint moment) const;
  Result<> Sync();
  // First records `revision` as compacted, and then calls `announce`: from then on no reader may
  // ask for what is older. Then drops all versions that were replaced or deleted up to it. What an
  // interrupted call left is dropped by the next.
  Result<> Compact(Revision revision, const std::function<void()>& announce);
  // RocksDB writes no more once a write has failed. This closes it and opens it again, and so finds
  // out what of that write reached the disk: LastRevision and Compacted are read anew. Fails when
  // there is too little space or somebody reads at this moment; all that could be read before can
  // be read still. Not for a store without a log.
  Result<> Reopen();
  // From now on `revision`, which is newer than the last one, is the newest, and none before it can
  // be read: who knows the store from before learns that it is not the one they know.
  Result<> SkipTo(Revision revision);
  // Copies the state as it is to a new directory (its parent exists); a store can be opened there.
  Result<> Snapshot(const std::string& path) const;

 private:
  struct Database;
  RocksdbDisk(Options options, std::unique_ptr<Database> database);
  Result<> Load(const std::string& path);
  Result<uint64_t> LoadFormat(const std::string& path) const;
  Result<> LoadRevisions();
  static Result<std::unique_ptr<Database>> OpenDatabase(const Options& options, bool read_only);
  Result<> Write(rocksdb::WriteBatch& batch, bool sync);
  Result<> CheckRoom() const;

  const Options options_;
  // Held shared by whoever uses database_, alone by Reopen, which never waits for it.
  mutable std::shared_mutex mutex_;
  std::unique_ptr<Database> database_;
  std::atomic<bool> full_ = false;
  Revision last_;
  Revision compacted_;
  Revision dropped_;  // How far the dropping of compacted versions has come.
  WriteTimes times_;
};

// A disk in memory, for tests and the simulation. Keeps what was written until it is destroyed.
std::shared_ptr<rocksdb::Env> NewMemoryDisk();

}  // namespace skiff
