// Reads: of the newest state by the index and the cache, once etcd has said how new it must be; of
// older ones from etcd itself.
#include <algorithm>

#include "apiserver/storage/etcd_store.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// As long as kube-apiserver waits for its watch cache to get there.
constexpr Duration kVisibleWait = 3s;
// Of one answer of etcd, which knows of no bound in bytes: as many records as come to about so many
// bytes by those that came before, at first a few.
constexpr size_t kAnswerBytes = 1 << 20;
constexpr size_t kFirstRecords = 32;
constexpr size_t kRecordsPerPage = 1000;
constexpr size_t kRecordsGrowth = 8;
// Of one answer that has no values.
constexpr size_t kKeysPerAnswer = 10'000;

// How many to ask for after this answer, for which as many as `asked` were.
size_t NextRecords(const etcd::RangeResponse& found, size_t asked) {
  const auto count = static_cast<size_t>(found.kvs_size());
  const size_t fitting = kAnswerBytes * count / (found.ByteSizeLong() + 1);
  return std::clamp<size_t>(fitting, 1, std::min(asked * kRecordsGrowth, kRecordsPerPage));
}

size_t BytesMaxOf(const ListRequest& request) {
  return request.bytes_max == 0 ? SIZE_MAX : request.bytes_max;
}

// Behind the end of the prefix there is nothing, and etcd takes such a range for an error.
bool IsBehindEnd(const etcd::RangeRequest& range) {
  return range.range_end() != std::string(1, '\0') && range.key() >= range.range_end();
}

Error NotReady() {
  return {.reason = Reason::kTooManyRequests,
          .message = "storage is (re)initializing",
          .details = ErrorDetails{.retry_after_s = 1}};
}

}  // namespace

// The cheapest read that a quorum stands behind.
Result<Revision> EtcdStore::NewestRevision() {
  etcd::RangeRequest request;
  request.set_key(options_.prefix + "/health");
  request.set_count_only(true);
  const auto response = TRY(client_->Range(request));
  return RevisionFrom(response.header().revision());
}

Result<> EtcdStore::Reach(Revision revision) {
  if (revision <= ring_.Current()) return {};
  const Revision newest = TRY(NewestRevision());
  if (revision > newest) return Fail(TooLargeForStore(revision, newest));
  if (!WaitUntilVisible(revision, kVisibleWait)) return Fail(NotReady());
  return {};
}

Result<> EtcdStore::CheckReadable(Revision at) {
  TRY(Reach(at));
  if (at < Compacted()) return Fail(ListExpired());
  return {};
}

Result<RecordPtr> EtcdStore::Get(const std::string& key, Revision at) {
  etcd::RangeRequest request;
  *request.mutable_key() = TRY(ToEtcdKey(key));
  if (at.value != 0) {
    TRY(CheckReadable(at));
    request.set_revision(static_cast<int64_t>(at.value));
  }
  const uint64_t clears = cache_.clears();
  const auto response = TRY(client_->Range(request));
  if (response.kvs().empty()) return Fail(NoSuchKey(key));
  auto record = ToRecord(response.kvs(0), key);
  cache_.InsertIfRoom(record, clears);
  return record;
}

// As kube-apiserver answers resourceVersion=0 from its watch cache.
Result<RecordPtr> EtcdStore::GetAny(const std::string& key) {
  const auto shown = index_.Find(key);
  if (!shown) return Fail(NoSuchKey(key));
  if (auto cached = cache_.Find(*shown, key)) return cached;
  if (auto record = GetFromMember(key, *shown)) return record;
  return Get(key);
}

// kExpired: the member lags behind what was shown here, by another one.
Result<RecordPtr> EtcdStore::GetFromMember(const std::string& key, Revision shown) {
  etcd::RangeRequest request;
  *request.mutable_key() = TRY(ToEtcdKey(key));
  request.set_serializable(true);
  const uint64_t clears = cache_.clears();
  const auto response = TRY(client_->Range(request));
  if (response.kvs().empty() || RevisionFrom(response.kvs(0).mod_revision()) < shown) {
    return Fail(ListExpired());
  }
  auto record = ToRecord(response.kvs(0), key);
  cache_.InsertIfRoom(record, clears);
  return record;
}

Result<ListPage> EtcdStore::List(const ListRequest& request) {
  if (!MayWait()) return Fail(WouldWait());
  Revision at = request.at;
  if (at.value != 0) {
    TRY(CheckReadable(at));
  } else if (request.any) {
    at = Current();
  } else {
    at = TRY(NewestRevision());
    // While the watch is interrupted etcd answers by itself.
    if (!WaitUntilVisible(at, kVisibleWait)) return ListFromEtcd(request, at);
  }
  if (request.at.value == 0 || at == Current()) {
    if (auto page = TRY(ListFromIndex(request))) return *std::move(page);
    if (request.at.value == 0) at = Current();
  }
  auto page = ListFromEtcd(request, at);
  if (page || !request.any) return page;
  // That member could not tell, or lags behind what was shown here.
  ListRequest sure = request;
  sure.any = false;
  return List(sure);
}

KeyIndex::Range EtcdStore::Collect(const ListRequest& request) {
  if (!request.terms.groups.empty()) {
    // What is not cached stays without terms: it may have any.
    for (const RecordPtr& record : cache_.FindMany(index_.BeginTerms(request.terms.resource))) {
      if (record) index_.LearnTerms(*record);
    }
    auto few = index_.CollectByTerms(request.terms, request.prefix, request.start_after);
    if (few) return *std::move(few);
  }
  const size_t collect_max = request.filter ? 0 : request.limit;
  return index_.Collect(request.prefix, request.start_after, collect_max, request.count_remaining);
}

// nullopt when the cache has not all of it, or the state moved on.
Result<std::optional<ListPage>> EtcdStore::ListFromIndex(const ListRequest& request) {
  const auto range = Collect(request);
  if (request.at.value != 0 && range.revision != request.at) return std::nullopt;
  const auto cached = cache_.FindMany(range.versions, range.keys);
  ListPage page{.revision = range.revision};
  const size_t limit = request.limit == 0 ? SIZE_MAX : request.limit;
  const size_t bytes_max = BytesMaxOf(request);
  size_t looked = 0;
  size_t bytes = 0;
  for (; looked < cached.size() && page.records.size() < limit && bytes < bytes_max; ++looked) {
    const RecordPtr& record = cached[looked];
    if (!record) return std::nullopt;
    if (request.filter && !request.filter(*record)) continue;
    bytes += record->value.size();
    page.records.push_back(record);
  }
  const uint64_t left = range.remaining + (range.versions.size() - looked);
  page.more = (request.limit != 0 || request.bytes_max != 0) && left > 0;
  if (request.count_remaining) page.remaining = left;
  return page;
}

// All keys that the request asks for, as of that revision.
Result<etcd::RangeRequest> EtcdStore::RangeOf(const ListRequest& request, Revision at) {
  etcd::RangeRequest range;
  std::string prefix;
  if (!request.prefix.empty()) prefix = TRY(ToEtcdKey(request.prefix));
  range.set_range_end(EtcdPrefixEnd(prefix));
  range.set_key(prefix.empty() ? std::string(1, '\0') : prefix);
  if (request.start_after >= request.prefix && !request.start_after.empty()) {
    const std::string after = TRY(ToEtcdKey(request.start_after));
    range.set_key(after + '\0');
  }
  range.set_revision(static_cast<int64_t>(at.value));
  range.set_serializable(request.any);
  return range;
}

Result<ListPage> EtcdStore::ListFromEtcd(const ListRequest& request, Revision at) {
  etcd::RangeRequest range = TRY(RangeOf(request, at));
  const size_t limit = request.limit == 0 ? SIZE_MAX : request.limit;
  const size_t bytes_max = BytesMaxOf(request);
  ListPage page{.revision = at};
  size_t bytes = 0;
  for (size_t at_once = kFirstRecords;;) {
    if (IsBehindEnd(range)) return page;
    const size_t wanted = request.filter ? SIZE_MAX : limit - page.records.size();
    range.set_limit(static_cast<int64_t>(std::min(wanted, at_once)));
    const uint64_t clears = cache_.clears();
    const auto found = TRY(client_->Range(range));
    int looked = 0;
    for (; looked < found.kvs_size() && page.records.size() < limit && bytes < bytes_max;
         ++looked) {
      const auto& kv = found.kvs(looked);
      auto key = FromEtcdKey(kv.key());
      if (!key) continue;
      RecordPtr record = ToRecord(kv, *std::move(key));
      cache_.InsertIfRoom(record, clears);
      if (request.filter && !request.filter(*record)) continue;
      bytes += record->value.size();
      page.records.push_back(std::move(record));
    }
    const auto left = static_cast<uint64_t>(found.count() - looked);
    if (left == 0 || page.records.size() >= limit || bytes >= bytes_max) {
      page.more = left > 0;
      if (request.count_remaining) page.remaining = left;
      return page;
    }
    range.set_key(found.kvs(looked - 1).key() + '\0');
    at_once = NextRecords(found, at_once);
  }
}

Result<std::unique_ptr<ListCursor>> EtcdStore::OpenList(const ListRequest& request) {
  return OpenPagedList([this](const ListRequest& page) { return List(page); }, request,
                       [this](const ListRequest& whole) { return EndOf(whole); });
}

Result<ListEnd> EtcdStore::EndOf(const ListRequest& request) {
  KeyIndex::Range newest =
      index_.Collect(request.prefix, request.start_after, request.limit, request.count_remaining);
  if (newest.revision == request.at) {
    return ListEnd{.count = newest.versions.size(),
                   .last_key = std::move(newest.last_key),
                   .more = newest.remaining > 0,
                   .remaining = request.count_remaining ? newest.remaining : 0};
  }
  etcd::RangeRequest range = TRY(RangeOf(request, request.at));
  range.set_keys_only(true);
  ListEnd end;
  while (!IsBehindEnd(range)) {
    range.set_limit(static_cast<int64_t>(std::min(request.limit - end.count, kKeysPerAnswer)));
    const auto found = client_->Range(range);
    if (!found && range.serializable()) {
      range.set_serializable(false);  // As in List: that member may lag behind what was shown here.
      continue;
    }
    if (!found) return Fail(found.error());
    for (const auto& kv : found->kvs()) {
      auto key = FromEtcdKey(kv.key());
      if (!key) continue;
      ++end.count;
      end.last_key = *std::move(key);
    }
    const auto left = static_cast<uint64_t>(found->count() - found->kvs_size());
    end.more = left > 0;
    if (request.count_remaining) end.remaining = left;
    if (left == 0 || end.count >= request.limit) break;
    range.set_key(found->kvs().rbegin()->key() + '\0');
  }
  return end;
}

Result<std::unique_ptr<WatchCursor>> EtcdStore::Watch(const WatchRequest& request,
                                                      WakeFunction wake) {
  WatchRequest from = request;
  if (from.after.value == 0) from.after = Current();
  if (from.after < Compacted()) return Fail(WatchExpired());
  return ring_.Watch(std::move(from), std::move(wake));
}

Result<> EtcdStore::Compact(Revision revision) {
  TRY(Reach(revision));
  // Even when it is announced as compacted: that was perhaps us. Twice does no harm.
  TRY(client_->Compact(revision));
  NoteCompacted(revision);
  return {};
}

Result<HistoryReader::SegmentPtr> EtcdStore::FetchHistory(Revision after) {
  const auto response = TRY(client_->ReadHistory(after));
  auto segment = std::make_shared<HistoryReader::Segment>();
  segment->after = after;
  segment->through = RevisionFrom(response.events().rbegin()->kv().mod_revision());
  if (!ToEvents(response, after, true, segment->events)) return Fail(WatchExpired());
  return segment;
}

ControlLoop& EtcdStore::ReadHistoryAside() {
  history_.ReadAside();
  return history_;
}

Result<Revision> EtcdStore::ReadEvents(const Wanted& wanted, Revision after,
                                       std::vector<EventPtr>& out) {
  if (after < Compacted()) return Fail(WatchExpired());
  const auto read = history_.ReadEvents(wanted, after, out);
  if (!read && read.error().reason == Reason::kExpired) return Fail(WatchExpired());
  if (!read) return after;  // etcd is away; the cursor is woken when it is back.
  return *read;
}

Result<> EtcdStore::CheckHealth() {
  const Revision newest = TRY(NewestRevision());
  if (WaitUntilVisible(newest, kVisibleWait)) return {};
  return Fail(Reason::kServiceUnavailable, "what is written to etcd does not show here");
}

}  // namespace skiff
