// How the embedded store begins, and what is read of it: objects, pages, history. Writes are in
// rocksdb_write, lists that are read piece by piece in rocksdb_list.
#include "apiserver/storage/rocksdb_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/storage/etcd_values.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// etcd begins at 1 as well, so that 0 can mean "none".
constexpr Revision kEmptyRevision{1};
// How many records of a list are fetched at a time.
constexpr size_t kListSlice = 256;
// Of a piece of history. Pieces begin at multiples, so that cursors at different places share them;
// so few that their bytes seldom end one before the next multiple, for then its beginning is read
// again.
constexpr size_t kHistoryEventsMax = 256;
constexpr size_t kHistoryBytesMax = 8 << 20;

tl::unexpected<Error> Missing(Revision version) {
  return Fail(Reason::kInternalError,
              fmt::format("storage is corrupt: revision {} is missing", version.value));
}

}  // namespace

Result<std::unique_ptr<RocksdbStore>> RocksdbStore::Open(Options options, const Clock& clock) {
  auto disk =
      TRY(RocksdbDisk::Open({.path = options.path,
                             .env = options.env,
                             .write_ahead_log = options.durability != Durability::kMemory}));
  auto store =
      std::unique_ptr<RocksdbStore>(new RocksdbStore(std::move(options), clock, std::move(disk)));
  TRY(store->LoadIndex());
  return store;
}

RocksdbStore::RocksdbStore(Options options, const Clock& clock, std::unique_ptr<RocksdbDisk> disk)
    : options_(std::move(options)),
      clock_(clock),
      disk_(std::move(disk)),
      index_(std::max(disk_->LastRevision(), kEmptyRevision)),
      cache_(options_.cache_bytes_max),
      compacted_(disk_->Compacted().value),
      history_(
          clock_, [this](Revision after, bool previous) { return FetchHistory(after, previous); },
          [this] { ring_.WakeStalled(); }),
      ring_(index_.Current(), options_.ring, this),
      queue_([this](const WriteQueue::Writers& writers) { CommitFor(writers); }),
      begun_(!options_.begins_unsynced) {}

RocksdbStore::~RocksdbStore() {
  queue_.Stop();
  // As after a crash of the process: the log is with the kernel already.
  (void)Sync();
}

Result<> RocksdbStore::LoadIndex() {
  return disk_->Newest().WalkKeys("", "", index_.Current(),
                                  [&](std::string_view key, Revision modified) -> Result<bool> {
                                    const KeyIndex::Change change{key, modified};
                                    index_.Publish({&change, 1}, index_.Current());
                                    return true;
                                  });
}

Result<> RocksdbStore::Reach(Revision revision) {
  if (const Revision current = Current(); revision > current) {
    return Fail(TooLargeForStore(revision, current));
  }
  return {};
}

Result<> RocksdbStore::CheckReadable(Revision at) {
  TRY(Reach(at));
  if (at < Compacted()) return Fail(ListExpired());
  return {};
}

// nullptr when that version was dropped.
Result<RecordPtr> RocksdbStore::Load(Revision version) {
  if (auto cached = cache_.Find(version)) return cached;
  if (!MayWait()) return Fail(WouldWait());
  const uint64_t clears = cache_.clears();
  auto record = Opened(TRY(disk_->Newest().Read(version)));
  if (record) cache_.Insert(record, clears);
  return record;
}

Result<std::vector<RecordPtr>> RocksdbStore::LoadMany(std::span<const Revision> versions) {
  std::vector<RecordPtr> records = cache_.FindMany(versions);
  std::vector<Revision> missing;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (!records[i]) missing.push_back(versions[i]);
  }
  if (missing.empty()) return records;
  const uint64_t clears = cache_.clears();
  const auto read = TRY(disk_->Newest().ReadMany(missing));
  for (size_t i = 0, next = 0; i < versions.size(); ++i) {
    if (records[i]) continue;
    records[i] = Opened(read[next++]);
    if (records[i]) cache_.InsertIfRoom(records[i], clears);
  }
  return records;
}

Result<RecordPtr> RocksdbStore::LoadNewest(std::string_view key) {
  for (;;) {
    const auto newest = index_.Find(key);
    if (!newest) return nullptr;
    if (auto record = TRY(Load(*newest))) return record;
    // Replaced and dropped since the index was asked; it knows a newer one.
    if (index_.Find(key) == newest) return Missing(*newest);
  }
}

// A version that is readable at `at`: where it is not there, `at` was compacted meanwhile.
Result<RecordPtr> RocksdbStore::LoadAt(const RocksdbDisk::View& view, Revision version,
                                       Revision at) {
  if (auto cached = cache_.Find(version)) return cached;
  auto record = Opened(TRY(view.Read(version)));
  if (record) return record;
  TRY(CheckReadable(at));
  return Missing(version);
}

Result<RecordPtr> RocksdbStore::Get(const std::string& key, Revision at) {
  if (at.value != 0) {
    TRY(CheckReadable(at));
    if (at != Current()) return GetAt(key, at);
    // A write may come in between, so the newest is not it for sure.
    const auto newest = TRY(LoadNewest(key));
    if (Current() != at) return GetAt(key, at);
    if (!newest) return Fail(NoSuchKey(key));
    return newest;
  }
  auto record = TRY(LoadNewest(key));
  if (!record) return Fail(NoSuchKey(key));
  return record;
}

Result<RecordPtr> RocksdbStore::GetAt(const std::string& key, Revision at) {
  if (!MayWait()) return Fail(WouldWait());
  const auto view = disk_->Newest();
  const Revision version = TRY(view.FindAt(key, at));
  // What is readable afterwards was all there.
  TRY(CheckReadable(at));
  if (version.value == 0) return Fail(NoSuchKey(key));
  return LoadAt(view, version, at);
}

Result<ListPage> RocksdbStore::List(const ListRequest& request) {
  if (!MayWait()) return Fail(WouldWait());
  if (request.at.value != 0) TRY(CheckReadable(request.at));
  if (request.at.value == 0 || request.at == Current()) {
    if (auto page = TRY(ListNewest(request))) return *std::move(page);
  }
  return ListAt(request, request.at.value != 0 ? request.at : Current());
}

// nullopt when the state moved on before it was read.
Result<std::optional<ListPage>> RocksdbStore::ListNewest(const ListRequest& request) {
  const auto range = TRY(Collect(request));
  if (request.at.value != 0 && range.revision != request.at) return std::nullopt;
  ListPage page{.revision = range.revision};
  size_t looked = 0;
  const size_t limit = request.limit == 0 ? SIZE_MAX : request.limit;
  while (looked < range.versions.size() && page.records.size() < limit) {
    const size_t most = std::min(kListSlice, limit - page.records.size());
    const auto slice = std::span(range.versions)
                           .subspan(looked)
                           .first(std::min(most, range.versions.size() - looked));
    auto records = TRY(LoadMany(slice));
    for (RecordPtr& record : records) {
      if (!record) return std::nullopt;  // Replaced and dropped meanwhile.
      if (!request.filter || request.filter(*record)) page.records.push_back(std::move(record));
    }
    looked += slice.size();
  }
  const uint64_t left = range.remaining + (range.versions.size() - looked);
  page.more = request.limit != 0 && left > 0;
  if (request.count_remaining) page.remaining = left;
  return page;
}

Result<KeyIndex::Range> RocksdbStore::Collect(const ListRequest& request) {
  if (!request.terms.groups.empty()) {
    TRY(LearnTerms(request.terms.resource));
    auto few = index_.CollectByTerms(request.terms, request.prefix, request.start_after);
    if (few) return *std::move(few);
  }
  // A filter may refuse any number of records, so all of them may be needed.
  const size_t collect_max = request.filter ? 0 : request.limit;
  return index_.Collect(request.prefix, request.start_after, collect_max, request.count_remaining);
}

// The first time that somebody asks by terms, everything is read, as without them every time.
Result<> RocksdbStore::LearnTerms(std::string_view resource) {
  const std::vector<Revision> versions = index_.BeginTerms(resource);
  for (size_t looked = 0; looked < versions.size(); looked += kListSlice) {
    const size_t count = std::min(kListSlice, versions.size() - looked);
    const auto records = TRY(LoadMany(std::span(versions).subspan(looked, count)));
    for (const RecordPtr& record : records) {
      if (record) index_.LearnTerms(*record);  // Else replaced and dropped meanwhile.
    }
  }
  return {};
}

Result<ListPage> RocksdbStore::ListAt(const ListRequest& request, Revision at) {
  const auto view = disk_->Newest();
  ListPage page{.revision = at};
  const auto visit = [&](std::string_view, Revision version) -> Result<bool> {
    if (request.limit != 0 && page.records.size() == request.limit) {
      page.more = true;
      if (request.count_remaining) ++page.remaining;
      return request.count_remaining;
    }
    auto record = TRY(LoadAt(view, version, at));
    if (!request.filter || request.filter(*record)) page.records.push_back(std::move(record));
    return true;
  };
  TRY(view.WalkKeys(request.prefix, request.start_after, at, visit));
  // What is readable afterwards was all there.
  TRY(CheckReadable(at));
  return page;
}

Result<RecordPtr> RocksdbStore::LoadPrevious(const Writer& writer) {
  const auto newest = index_.Find(writer.write.key);
  if (!newest) return nullptr;
  if (writer.hint && writer.hint->modified == *newest) return writer.hint;
  auto loaded = TRY(Load(*newest));
  if (!loaded) return Missing(*newest);
  return loaded;
}

Result<std::unique_ptr<WatchCursor>> RocksdbStore::Watch(const WatchRequest& request,
                                                         WakeFunction wake) {
  WatchRequest from = request;
  if (from.after.value == 0) from.after = Current();
  if (from.after < Compacted()) return Fail(WatchExpired());
  return ring_.Watch(std::move(from), std::move(wake));
}

Result<Revision> RocksdbStore::ReadEvents(const Wanted& wanted, Revision after,
                                          std::vector<EventPtr>& out) {
  if (after < Compacted()) return Fail(WatchExpired());
  return history_.ReadEvents(wanted, after, out);
}

Result<HistoryReader::SegmentPtr> RocksdbStore::FetchHistory(Revision after, bool previous) {
  auto segment = std::make_shared<HistoryReader::Segment>();
  segment->previous = previous;
  const uint64_t block = after.value - after.value % kHistoryEventsMax;
  segment->after = std::min(after, std::max(Revision{block}, Compacted()));
  const LogBounds whole{Current(), kHistoryEventsMax, kHistoryBytesMax, previous};
  Result<Revision> through = ReadLog(segment->after, whole, segment->events);
  // Where its bytes ended the piece before the place that is wanted, or its begin was compacted
  // meanwhile, from that place.
  if (through ? *through <= after : segment->after < after) {
    segment->after = after;
    segment->events.clear();
    through = ReadLog(after, whole, segment->events);
  }
  segment->through = TRY(std::move(through));
  return segment;
}

Result<Revision> RocksdbStore::ReadLog(Revision after, const LogBounds& bounds,
                                       std::vector<EventPtr>& out) {
  if (!MayWait()) return Fail(WouldWait());
  const auto view = disk_->Newest();
  const size_t full =
      bounds.events_max > SIZE_MAX - out.size() ? SIZE_MAX : out.size() + bounds.events_max;
  Revision read = after;
  size_t bytes = 0;
  bool ended = false;
  const Result<> walked = view.WalkLog(after, [&](const Version& version) -> Result<bool> {
    ended = version.revision > bounds.through;
    if (ended || out.size() == full || bytes >= bounds.bytes_max) return false;
    read = version.revision;
    const bool put = version.kind == Event::Kind::kPut;
    const bool existed = version.previous.value != 0;
    RecordPtr previous;
    if (existed && (bounds.previous || !put)) {
      previous = TRY(LoadAt(view, version.previous, after));
    }
    // The walk has read it already; but who is there is shared.
    RecordPtr record = put ? cache_.Find(version.revision) : previous;
    if (!record) record = Opened(RecordOf(version));
    bytes += record->value.size() + (previous ? previous->value.size() : 0);
    auto event =
        MakeEvent(version.kind, read, existed, std::move(record), std::move(previous));
    event->bygone = true;
    out.push_back(std::move(event));
    return true;
  });
  // What is readable afterwards was all there.
  if (after < Compacted()) return Fail(WatchExpired());
  TRY(walked);
  const bool more = !ended && (out.size() == full || bytes >= bounds.bytes_max);
  return more ? read : std::max(read, bounds.through);
}

Result<StoreMoment> RocksdbStore::At(TimePoint moment) {
  if (!MayWait()) return Fail(WouldWait());
  // Asked first: what is written meanwhile was not there at that moment.
  const Revision current = Current();
  const WriteTimes::Around around = TRY(disk_->TimesAround(moment));
  const Revision oldest = std::max(Compacted(), kEmptyRevision);
  const auto& [before, after] = around;
  if (before) {
    const Revision newest = after ? Revision{after->first.value - 1} : current;
    if (newest >= oldest) return StoreMoment{.revision = newest};
    return StoreMoment{.revision = oldest, .is_oldest = true};
  }
  // A store that was written before times were kept can be read further back than they tell.
  if (!after || after->first.value > oldest.value + 1) {
    return Fail(Reason::kNotFound, "what was written before that moment is not known");
  }
  return StoreMoment{.revision = oldest, .is_oldest = true, .at = after->at};
}

ControlLoop& RocksdbStore::ReadHistoryAside() {
  history_.ReadAside();
  return history_;
}

Result<> RocksdbStore::Compact(Revision revision) {
  MutexLock lock(compact_mutex_);
  TRY(Reach(revision));
  if (revision <= Compacted()) return {};
  return disk_->Compact(revision, [&] { compacted_ = revision.value; });
}

void RocksdbStore::ExpirePages(Revision revision) {
  if (revision > Revision{pages_from_.load()}) pages_from_ = revision.value;
}

RecordPtr RocksdbStore::Opened(RecordPtr record) const {
  if (!record) return record;
  const bool sealed = IsSealed(record->value);
  if (!sealed && (!options_.sealing || !options_.sealing->Covers(record->key))) return record;
  auto opened = OpenSealed(options_.sealing, {record->key, record->key}, record->value);
  if (opened && !sealed) return record;
  return std::make_shared<const Record>(
      Record{.key = record->key,
             .value = opened ? FromEtcd(opened->bytes, record->modified, {})
                             : UnreadableValue(opened.error().message),
             .created = record->created,
             .modified = record->modified,
             .seal = opened ? opened->seal : kNoSeal});
}

bool RocksdbStore::IsSealedAnew(const Record& record) const {
  return options_.sealing && options_.sealing->Current(record.key) != record.seal;
}

Result<> RocksdbStore::Snapshot(const std::string& path) {
  Result<> made = disk_->Snapshot(path);
  // To copy, it writes what is in memory only: what keeps it from that says more than RocksDB does
  // of the attempt.
  if (!made) TRY(Writable());
  return made;
}

}  // namespace skiff
