#include "apiserver/storage/etcd_store.h"

#include <fmt/format.h>

#include <charconv>

#include "apiserver/storage/record_header.h"
#include "apiserver/storage/store_answers.h"

namespace skiff {
namespace {

constexpr std::string_view kRoot = "/registry/";
// Of one answer while the index is loaded.
constexpr int64_t kKeysPerPage = 10'000;

}  // namespace

Result<std::unique_ptr<EtcdStore>> EtcdStore::Open(Options options, const Clock& clock) {
  auto client = TRY(EtcdClient::Create(options.client, clock));
  std::unique_ptr<EtcdStore> store(new EtcdStore(std::move(options), clock, std::move(client)));
  TRY(store->Start());
  return store;
}

EtcdStore::EtcdStore(Options options, const Clock& clock, std::unique_ptr<EtcdClient> client)
    : options_(std::move(options)),
      write_time_key_(WriteTimeKeyUnder(options_.prefix)),
      clock_(clock),
      client_(std::move(client)),
      leases_(*client_, clock_),
      // Others may change several keys in one revision.
      index_(Revision{}, KeyIndex::Keys::kGiven),
      cache_(options_.cache_bytes_max),
      history_(
          clock_, [this](Revision after, bool) { return FetchHistory(after); },
          [this] { ring_.WakeStalled(); }),
      ring_(Revision{}, options_.ring, this) {}

EtcdStore::~EtcdStore() {
  client_->StopWatch();
}

// The watch begins a ring's length before the present, so that watches which a server that was here
// before has left resume from memory.
Result<> EtcdStore::Start() {
  const Duration until = clock_.Monotonic() + options_.initialization_timeout;
  TRY(client_->WaitUntilReachable(options_.initialization_timeout, options_.give_up));
  const Revision loaded = TRY(LoadIndex());
  const uint64_t back = std::min<uint64_t>(options_.ring.events_max, loaded.value - 1);
  ring_.Skip(Revision{loaded.value - back});
  client_->StartWatch(*this);
  MutexLock lock(visible_mutex_);
  while (ring_.Current() < loaded) {
    const Duration left = until - clock_.Monotonic();
    if (left <= Duration::zero()) {
      return Fail(Error{.message = "etcdserver: request timed out", .http_code = 500});
    }
    visible_.wait_for(lock, left);
  }
  return {};
}

Result<Revision> EtcdStore::LoadIndex() {
  std::map<std::string, Revision, std::less<>> keys;
  etcd::RangeRequest request;
  const std::string first = options_.prefix.empty() ? "" : options_.prefix + "/";
  request.set_key(first.empty() ? std::string(1, '\0') : first);
  request.set_range_end(EtcdPrefixEnd(first));
  request.set_limit(kKeysPerPage);
  request.set_keys_only(true);
  for (;;) {
    const auto page = TRY(client_->Range(request));
    if (request.revision() == 0) request.set_revision(page.header().revision());
    for (const auto& kv : page.kvs()) {
      if (auto key = FromEtcdKey(kv.key())) {
        keys.emplace_hint(keys.end(), *std::move(key), RevisionFrom(kv.mod_revision()));
      }
    }
    if (!page.more()) break;
    request.set_key(page.kvs().rbegin()->key() + '\0');
  }
  const Revision revision = RevisionFrom(request.revision());
  index_.Replace(std::move(keys), revision);
  return revision;
}

// etcd has forgotten what happened since the index was right.
void EtcdStore::Resync() {
  const Result<Revision> loaded = LoadIndex();
  if (!loaded) {
    // The watch starts again where it was, and comes back here.
    log_.Info("keys not loaded from etcd", {{"error", loaded.error().message}});
    return;
  }
  log_.Info("keys loaded anew from etcd", {{"revision", loaded->value}});
  ring_.Skip(*loaded);
  Moved();
}

Result<std::string> EtcdStore::ToEtcdKey(std::string_view key) const {
  if (options_.prefix.empty()) return std::string(key);
  if (!key.starts_with(kRoot)) {
    return Fail(Reason::kBadRequest, fmt::format("key {} is not below {}", key, kRoot));
  }
  return options_.prefix + "/" + std::string(key.substr(kRoot.size()));
}

std::optional<std::string> EtcdStore::FromEtcdKey(std::string_view key) const {
  if (key == write_time_key_) return std::nullopt;
  if (options_.prefix.empty()) return std::string(key);
  if (!key.starts_with(options_.prefix)) return std::nullopt;
  key.remove_prefix(options_.prefix.size());
  if (!key.starts_with('/')) return std::nullopt;
  return std::string(kRoot) + std::string(key.substr(1));
}

Sealing::Value EtcdStore::ValueOf(const mvccpb::KeyValue& kv, const std::string& key) {
  const Revision modified = RevisionFrom(kv.mod_revision());
  {
    MutexLock lock(pending_mutex_);
    const auto [first, last] = pending_.equal_range(key);
    for (auto at = first; at != last; ++at) {
      const Pending& write = *at->second;
      if (write.bytes != kv.value()) continue;
      std::string value = write.value;
      if (write.revision_at != std::string::npos) {
        value.insert(write.revision_at, std::to_string(modified.value));
      }
      return {std::move(value), write.seal};
    }
  }
  const bool covered = options_.sealing && options_.sealing->Covers(key);
  if (!covered && !IsSealed(kv.value())) {
    return {FromEtcd(kv.value(), modified, options_.read_object)};
  }
  const auto opened = OpenSealed(options_.sealing, {key, kv.key()}, kv.value());
  if (!opened) return {UnreadableValue(opened.error().message)};
  return {FromEtcd(opened->bytes, modified, options_.read_object), opened->seal};
}

bool EtcdStore::IsSealedAnew(const Record& record) const {
  return options_.sealing && options_.sealing->Current(record.key) != record.seal;
}

RecordPtr EtcdStore::ToRecord(const mvccpb::KeyValue& kv, std::string key) {
  const Revision modified = RevisionFrom(kv.mod_revision());
  if (auto cached = cache_.Find(modified, key)) return cached;
  auto [value, seal] = ValueOf(kv, key);
  return std::make_shared<const Record>(Record{.key = std::move(key),
                                               .value = std::move(value),
                                               .created = RevisionFrom(kv.create_revision()),
                                               .modified = modified,
                                               .seal = seal});
}

bool EtcdStore::ToEvents(const etcd::WatchResponse& from, Revision after, bool bygone,
                         std::vector<EventPtr>& out) {
  const auto add = [&](std::shared_ptr<Event> made) {
    made->bygone = bygone;
    out.push_back(std::move(made));
  };
  for (const auto& event : from.events()) {
    const mvccpb::KeyValue& kv = event.kv();
    const Revision revision = RevisionFrom(kv.mod_revision());
    auto key = FromEtcdKey(kv.key());
    if (!key || revision <= after) continue;
    RecordPtr previous;
    if (event.has_prev_kv()) previous = ToRecord(event.prev_kv(), *key);
    if (event.type() == mvccpb::Event::DELETE) {
      if (!previous) return false;
      add(MakeEvent(Event::Kind::kDelete, revision, previous, previous));
      continue;
    }
    if (!previous && kv.create_revision() != kv.mod_revision()) return false;
    RecordPtr record = ToRecord(kv, *std::move(key));
    add(MakeEvent(Event::Kind::kPut, revision, std::move(record), std::move(previous)));
  }
  return true;
}

bool EtcdStore::OnEvents(const etcd::WatchResponse& response) {
  for (const auto& event : response.events()) {
    uint64_t compacted = 0;
    const std::string& text = event.kv().value();
    if (event.kv().key() == kEtcdCompactedKey &&
        std::from_chars(text.data(), text.data() + text.size(), compacted).ec == std::errc()) {
      NoteCompacted(Revision{compacted});
    }
  }
  std::vector<EventPtr> events;
  if (!ToEvents(response, ring_.Current(), false, events)) {
    Resync();  // A compaction was faster than the watch.
    return false;
  }
  Show(events, RevisionFrom(response.events().rbegin()->kv().mod_revision()));
  return true;
}

void EtcdStore::OnCompacted(Revision compacted) {
  NoteCompacted(compacted);
  if (compacted > index_.Current()) {
    Resync();
  } else {
    // At the start: less of the past is there than the ring would hold.
    ring_.Skip(compacted);
    Moved();
  }
}

void EtcdStore::Moved() {
  MutexLock lock(visible_mutex_);
  visible_.notify_all();
}

void EtcdStore::Show(const std::vector<EventPtr>& events, Revision current) {
  std::vector<KeyIndex::Change> changes;
  const Revision indexed = index_.Current();
  for (const EventPtr& event : events) {
    const bool put = event->kind == Event::Kind::kPut;
    if (put) cache_.Insert(event->record);
    // The index may have been loaded at a later revision.
    if (event->revision <= indexed) continue;
    KeyIndex::Change change{event->record->key, put ? event->revision : Revision{}};
    if (put && index_.FindsByTerms(change.key)) change.terms = IndexTermsOf(event->record->value);
    changes.push_back(std::move(change));
  }
  if (current > indexed) index_.Publish(changes, current);
  // Nobody asks for the version before, but those whom the ring gives it.
  for (const EventPtr& event : events) {
    if (event->previous) cache_.Erase(*event->previous);
  }
  ring_.Publish(events, current);
  Moved();
}

void EtcdStore::NoteCompacted(Revision revision) {
  uint64_t known = compacted_;
  while (known < revision.value && !compacted_.compare_exchange_weak(known, revision.value)) {
  }
}

bool EtcdStore::WaitUntilVisible(Revision revision, Duration timeout) {
  const Duration until = clock_.Monotonic() + timeout;
  MutexLock lock(visible_mutex_);
  while (ring_.Current() < revision) {
    const Duration left = until - clock_.Monotonic();
    if (left <= Duration::zero()) {
      lock.unlock();
      client_->LeaveSilentWatch();
      return false;
    }
    visible_.wait_for(lock, left);
  }
  return true;
}

}  // namespace skiff
