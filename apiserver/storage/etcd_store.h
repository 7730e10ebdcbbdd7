// The store on an etcd cluster, which other API servers may use at the same time.
//
//   Apply ──────► one transaction ──► etcd ──► the watch of all keys ──► cache, index ──► ring
//     ▲                                                                    │  reads        │
//     cursors └───────────── answered when its revision has come back this way ────┘ ▼
//
// etcd's watch is the only source of what is visible here, whoever wrote it, so that reads, lists
// and cursors see one order of events. It covers all keys of the cluster: every revision shows on
// it, and the store knows at each moment up to which revision nothing is missing. When the stream
// breaks it is opened again after that revision; when that was compacted meanwhile, the index is
// loaded anew and the cursors expire.
//
// A read of the newest state asks etcd: for the key itself, or which revision is current, so that
// it sees what was written through any server before it began. Lists then go by the index and the
// cache. Who is content with any state (resourceVersion=0) gets what the index and the cache have;
// what is not there a member answers by itself, whether or not it hears a leader. Events older than
// the ring are read from etcd's history.
//
// Keys are kube-apiserver's: "/registry/pods/ns/name" under `prefix` in place of "/registry".
// Values are as etcd_values.h says. One key more, which no list or watch shows, says when what was
// written (etcd_write_times.cc).
//
// The methods wait for etcd, for a bounded time. The store has no thread of its own; the watch runs
// on gRPC's.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/etcd_leases.h"
#include "apiserver/storage/etcd_store_client.h"
#include "apiserver/storage/etcd_values.h"
#include "apiserver/storage/event_ring.h"
#include "apiserver/storage/history_reader.h"
#include "apiserver/storage/key_index.h"
#include "apiserver/storage/paged_list.h"
#include "apiserver/storage/record_cache.h"
#include "apiserver/storage/store.h"
#include "apiserver/storage/store_moment.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

// Where API servers write what they are about to compact, outside of all prefixes.
inline constexpr std::string_view kEtcdCompactedKey = "compact_rev_key";

class EtcdStore final : public Store, private EventHistory, private EtcdWatcher {
 public:
  // What is written under `prefix` is gone `ttl` later, and at most a minute after that.
  struct Expiry {
    std::string prefix;
    Duration ttl;
  };
  struct Options {
    EtcdClientOptions client;
    // Takes the place of "/registry" in every key. "": keys stay as they are, and all are ours.
    std::string prefix = "/registry";
    std::vector<Expiry> expiries = {};
    EventRing::Options ring = {};
    size_t cache_bytes_max = 64 << 20;
    // How long to wait for the cluster at first.
    Duration initialization_timeout = 1min;
    // Asked from time to time while it waits; true: for nothing any more.
    std::function<bool()> give_up = [] { return false; };
    ObjectReader read_object = {};
    ProtobufWriter write_object = {};
    // As RocksdbStore has it; values lie in etcd as kube-apiserver seals them.
    Sealing* sealing = nullptr;
  };

  // `clock` outlives the store.
  static Result<std::unique_ptr<EtcdStore>> Open(Options options, const Clock& clock);
  ~EtcdStore() override;

  Result<RecordPtr> Get(const std::string& key, Revision at = {}) override;
  Result<RecordPtr> GetAny(const std::string& key) override;
  Result<ListPage> List(const ListRequest& request) override;
  Result<uint64_t> CountAny(const std::string& prefix) override { return index_.Count(prefix); }
  Result<std::unique_ptr<ListCursor>> OpenList(const ListRequest& request) override;
  Result<Written> Apply(Write write) override;
  // Once etcd keeps silent what is left fails as well: hundreds of them would wait for it in turn,
  // long after whoever asked has gone.
  std::vector<Result<Written>> ApplyAll(std::vector<Write> writes) override;
  using Store::Watch;
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                             WakeFunction wake) override;
  Revision Current() override { return index_.Current(); }
  Result<> Reach(Revision revision) override;
  Result<> Compact(Revision revision) override;
  // As far as this server has heard of it.
  Revision Compacted() override { return Revision{compacted_.load()}; }

  bool IsSealedAnew(const Record& record) const override;

  // The revision that was the newest at a moment; kNotFound when what was written then came with no
  // times at all.
  Result<StoreMoment> At(TimePoint moment);
  // Has a transaction that writes, where it succeeds, write besides when that was.
  void AddWriteTime(etcd::TxnRequest& txn) const;

  // Whether etcd answers, with a quorum, and what it says shows here.
  Result<> CheckHealth();
  // From now on no cursor waits for etcd; the caller runs the loop, which ends before the store.
  // Before the first Watch.
  ControlLoop& ReadHistoryAside();
  // For who ages it (RecordAging).
  RecordCache& cache() { return cache_; }

  // For parts that keep keys of their own in etcd.
  EtcdClient& client() { return *client_; }

 private:
  // A write on its way: its own event brings the same bytes, which need not be read again then.
  struct Pending {
    std::string bytes;  // As in etcd.
    std::string value;
    size_t revision_at;
    SealId seal = kNoSeal;
  };
  class PendingEntry;

  EtcdStore(Options options, const Clock& clock, std::unique_ptr<EtcdClient> client);
  Result<> Start();
  Result<Revision> LoadIndex();
  void Resync();

  Result<std::string> ToEtcdKey(std::string_view key) const;
  std::optional<std::string> FromEtcdKey(std::string_view key) const;
  RecordPtr ToRecord(const mvccpb::KeyValue& kv, std::string key);
  Sealing::Value ValueOf(const mvccpb::KeyValue& kv, const std::string& key);
  // The bytes that lie in etcd for the value of a write.
  Result<> SealFor(std::string_view key, std::string_view etcd_key, Pending& pending) const;
  // Appends the events of our keys after `after`. False when one is incomplete.
  bool ToEvents(const etcd::WatchResponse& from, Revision after, bool bygone,
                std::vector<EventPtr>& out);

  // EtcdWatcher
  Revision NextRevision() override { return Revision{ring_.Current().value + 1}; }
  void OnWatching() override { ring_.WakeStalled(); }
  bool OnEvents(const etcd::WatchResponse& response) override;
  void OnCompacted(Revision compacted) override;

  void Show(const std::vector<EventPtr>& events, Revision current);
  void Moved();
  void NoteCompacted(Revision revision);
  // False when it did not come in time.
  bool WaitUntilVisible(Revision revision, Duration timeout);
  Result<> CheckReadable(Revision at);
  Result<Revision> NewestRevision();
  Result<std::optional<ListPage>> ListFromIndex(const ListRequest& request);
  KeyIndex::Range Collect(const ListRequest& request);
  Result<etcd::RangeRequest> RangeOf(const ListRequest& request, Revision at);
  Result<ListPage> ListFromEtcd(const ListRequest& request, Revision at);
  // Of one with a limit and a revision.
  Result<ListEnd> EndOf(const ListRequest& request);
  Result<RecordPtr> GetFromMember(const std::string& key, Revision shown);

  Result<etcd::TxnRequest> TransactionOf(const Write& write, const std::string& key,
                                         const std::string& bytes);
  Error Refusal(const Write& write, const etcd::TxnResponse& response);
  Result<Written> PutDone(const Write& write, const Pending& pending,
                          const etcd::TxnResponse& response);

  // What the key of times said at a revision.
  struct TimeThen {
    bool kept = true;               // Else that revision is too old.
    Revision written;               // The last one of a known time, up to that revision ...
    std::optional<TimePoint> time;  // ... and that time; nullopt: there was none.
  };
  static std::string WriteTimeKeyUnder(const std::string& prefix);
  Result<TimeThen> WriteTimeAt(Revision at);
  // The first one of which the time is known to be after `moment`; behind `newest`: none.
  Result<Revision> FirstAfter(TimePoint moment, Revision oldest, Revision newest);

  Result<Revision> ReadEvents(const Wanted& wanted, Revision after,
                              std::vector<EventPtr>& out) override;
  Result<HistoryReader::SegmentPtr> FetchHistory(Revision after);

  const Options options_;
  const std::string write_time_key_;
  const Clock& clock_;
  const Log log_{"storage"};
  const std::unique_ptr<EtcdClient> client_;
  EtcdLeases leases_;
  KeyIndex index_;
  RecordCache cache_;
  HistoryReader history_;
  EventRing ring_;
  std::atomic<uint64_t> compacted_ = 0;

  Mutex visible_mutex_;
  CondVar visible_;  // The ring has moved.

  Mutex pending_mutex_;
  std::unordered_multimap<std::string, std::shared_ptr<const Pending>> pending_
      GUARDED_BY(pending_mutex_);
};

}  // namespace skiff
