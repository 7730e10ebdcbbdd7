// The embedded store: RocksDB underneath, revisions and compare-and-swap in memory.
//
//   Apply ─► queue ─► leader: preconditions ─► one batch, one sync ─► index ─► ring ─► followers
//                     (KeyIndex + own batch)   (RocksdbDisk)          visible  wakes   answered
//
// Threads that write at the same time share one sync (write_queue). The store has no thread of its
// own but for ApplyLater, so the simulation runs it on one. Reads of the newest state go by the
// index and the cache and touch the disk only for what is not cached; reads of older revisions go
// to the disk.
//
// After a write failed (disk full, I/O error) the store is read-only: what of the failed write
// reached the disk is known only when it is opened again. A store on a full disk does that by
// itself once there is room: writers ask for it, kRecoveryStep apart. After other errors only a new
// start does.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apiserver/storage/event_ring.h"
#include "apiserver/storage/history_reader.h"
#include "apiserver/storage/key_index.h"
#include "apiserver/storage/record_cache.h"
#include "apiserver/storage/rocksdb_store_disk.h"
#include "apiserver/storage/store.h"
#include "apiserver/storage/store_moment.h"
#include "apiserver/storage/write_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

// What an acknowledged write survives.
enum class Durability : uint8_t {
  kSync,      // a power failure
  kInterval,  // a crash of the process; a power failure may take the last sync_interval
  kMemory,    // only an orderly end of the process
};

class RocksdbStore final : public Store, private EventHistory {
 public:
  static constexpr Duration kRecoveryStep = 1s;
  static constexpr Duration kCommitTimeMax = 10s;  // Past it, a commit counts as stuck.

  struct Options {
    std::string path;
    // nullptr: the real disk. See NewMemoryDisk. Outlives the store.
    rocksdb::Env* env = nullptr;
    Durability durability = Durability::kSync;
    // Longest time between two syncs of Durability::kInterval.
    Duration sync_interval = 100ms;
    // With kSync: acknowledged writes are not synced before the first Sync. For an owner that
    // begins with what it would write again after a crash, and that lets nobody see it before that
    // Sync.
    bool begins_unsynced = false;
    EventRing::Options ring;
    size_t cache_bytes_max = 64 << 20;
    // Seals what is written to the disk, and opens what is read of it; outlives the store. nullptr:
    // nothing is sealed.
    Sealing* sealing = nullptr;
  };

  // Opens what is there or makes an empty store. `clock` outlives the store.
  static Result<std::unique_ptr<RocksdbStore>> Open(Options options, const Clock& clock);
  ~RocksdbStore() override;

  Result<RecordPtr> Get(const std::string& key, Revision at = {}) override;
  Result<ListPage> List(const ListRequest& request) override;
  Result<uint64_t> CountAny(const std::string& prefix) override { return index_.Count(prefix); }
  Result<std::unique_ptr<ListCursor>> OpenList(const ListRequest& request) override;
  Result<Written> Apply(Write write) override;
  void ApplyLater(Write write, Then then) override;
  std::vector<Result<Written>> ApplyAll(std::vector<Write> writes) override;
  using Store::Watch;
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                             WakeFunction wake) override;
  Revision Current() override { return index_.Current(); }
  Result<> Reach(Revision revision) override;
  Result<> Compact(Revision revision) override;
  Revision Compacted() override { return Revision{compacted_.load()}; }
  void ExpirePages(Revision revision) override;
  Revision PagesFrom() override { return std::max(Compacted(), Revision{pages_from_.load()}); }

  bool IsSealedAnew(const Record& record) const override;

  // The newest revision at a moment that is not to come; NotFound where that is not known.
  Result<StoreMoment> At(TimePoint moment);
  // Copies the store as it is now, all acknowledged writes included, to a new directory, while it
  // is in use. Opening that directory restores.
  Result<> Snapshot(const std::string& path);
  // The error that made the store read-only, if one did.
  Result<> Writable();
  // Whether the store does what it is for: writes are taken and do not get stuck. Tries to recover
  // from a full disk, as a writer would; does not wait for writers that are stuck.
  Result<> CheckHealth();
  // Whether only a new start helps against what CheckHealth found: a broken store, stuck writers.
  bool NeedsRestart();
  // From now on no cursor waits for the disk; the caller runs the loop, which ends before the
  // store. Before the first Watch.
  ControlLoop& ReadHistoryAside();
  ControlLoop& history_loop() { return history_; }
  // For who ages it (RecordAging).
  RecordCache& cache() { return cache_; }
  // Whether acknowledged writes are not synced yet, and syncs them. See SyncLoop and
  // Options::begins_unsynced.
  bool Unsynced() const { return unsynced_; }
  Result<> Sync();
  // `notify` is called, as a WakeFunction, when a first write waits for Sync. Set before the first
  // write.
  void OnUnsynced(WakeFunction notify) { on_unsynced_ = std::move(notify); }
  Duration sync_interval() const { return options_.sync_interval; }

 private:
  using Writer = WriteQueue::Writer;
  class Listing;

  RocksdbStore(Options options, const Clock& clock, std::unique_ptr<RocksdbDisk> disk);
  Result<> LoadIndex();
  Result<> CheckReadable(Revision at);
  // As it was before it was sealed; what cannot be opened says why (UnreadableValue).
  RecordPtr Opened(RecordPtr record) const;
  Result<> SealFor(Writer& writer) const;
  Result<RecordPtr> Load(Revision version);
  // Each as Load would find it; what was not in memory is put there where there is room.
  Result<std::vector<RecordPtr>> LoadMany(std::span<const Revision> versions);
  Result<RecordPtr> LoadAt(const RocksdbDisk::View& view, Revision version, Revision at);
  Result<RecordPtr> LoadNewest(std::string_view key);
  Result<RecordPtr> GetAt(const std::string& key, Revision at);
  Result<std::optional<ListPage>> ListNewest(const ListRequest& request);
  Result<KeyIndex::Range> Collect(const ListRequest& request);
  Result<> LearnTerms(std::string_view resource);
  Result<ListPage> ListAt(const ListRequest& request, Revision at);
  Result<std::unique_ptr<Listing>> OpenAtOnce(const ListRequest& request);
  Result<std::unique_ptr<Listing>> OpenNewest(const ListRequest& request);
  Result<std::unique_ptr<Listing>> OpenAt(const ListRequest& request, Revision at);
  // What the writer will find under its key; false when it has failed by that.
  bool FetchHint(Writer& writer);
  // The leader's, one thread at a time. What is under the writer's key now; nullptr: nothing.
  Result<RecordPtr> LoadPrevious(const Writer& writer);
  // Gives each of them its result.
  void CommitFor(const WriteQueue::Writers& writers);
  void CommitGuarded(WriteGroup& group);
  void Commit(WriteGroup& group);
  void Publish(const std::vector<EventPtr>& events);
  void TurnReadOnly(const Error& error);
  Result<> Recover();
  bool ShouldSync();
  Result<Revision> ReadEvents(const Wanted& wanted, Revision after,
                              std::vector<EventPtr>& out) override;
  // Appends what happened after `after`, up to `through`, until `out` holds so much. The revision
  // up to which nothing is missing.
  struct LogBounds {
    Revision through;
    size_t events_max;
    size_t bytes_max;
    bool previous = true;  // As in WatchRequest.
  };
  Result<Revision> ReadLog(Revision after, const LogBounds& bounds, std::vector<EventPtr>& out);
  Result<HistoryReader::SegmentPtr> FetchHistory(Revision after, bool previous);
  Duration CommitTime() const;

  const Options options_;
  const Clock& clock_;
  const Log log_{"storage"};
  const std::unique_ptr<RocksdbDisk> disk_;
  KeyIndex index_;
  RecordCache cache_;
  std::atomic<uint64_t> compacted_;
  std::atomic<uint64_t> pages_from_ = 0;
  HistoryReader history_;
  EventRing ring_;
  std::atomic<Duration::rep> commit_began_ = 0;  // Monotonic; 0: nobody commits.

  Mutex compact_mutex_;  // Held while the disk drops versions: one compaction at a time.

  WriteQueue queue_;

  Mutex read_only_mutex_;
  std::optional<Error> read_only_ GUARDED_BY(read_only_mutex_);
  // Monotonic: when Recover may be tried again.
  Duration recover_at_ GUARDED_BY(read_only_mutex_){};

  WakeFunction on_unsynced_;
  std::atomic<bool> unsynced_ = false;
  std::atomic<bool> begun_;                // Options::begins_unsynced is over.
  Duration last_sync_ = Duration::zero();  // Monotonic. Of the leader.
};

}  // namespace skiff
