// Writes of the embedded store: from writers that queue to one batch and one sync, what is known in
// memory by then, and what becomes of the store when that fails.
#include <fmt/format.h>

#include <algorithm>

#include "apiserver/storage/etcd_values.h"
#include "apiserver/storage/index_terms.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

std::vector<Version> VersionsOf(const WriteGroup& group) {
  std::vector<Version> versions;
  versions.reserve(group.events().size());
  for (size_t i = 0; i < group.events().size(); ++i) {
    const EventPtr& event = group.events()[i];
    const bool put = event->kind == Event::Kind::kPut;
    const std::string& sealed = group.sealed()[i];
    versions.push_back({.kind = event->kind,
                        .revision = event->revision,
                        .created = event->record->created,
                        .previous = event->previous ? event->previous->modified : Revision{},
                        .key = event->record->key,
                        .value = !put             ? std::string_view()
                                 : sealed.empty() ? std::string_view(event->record->value)
                                                  : std::string_view(sealed)});
  }
  return versions;
}

}  // namespace

Result<Written> RocksdbStore::Apply(Write write) {
  if (!MayWait()) return Fail(WouldWait());
  Writer self;
  self.write = std::move(write);
  self.queued = FetchHint(self);
  queue_.Settle({&self, 1});
  return std::move(self.result);
}

void RocksdbStore::ApplyLater(Write write, Then then) {
  if (!MayWait()) return then(Fail(WouldWait()));
  WriteQueue::LateWriter late{.writer = {}, .then = std::move(then)};
  late.writer.write = std::move(write);
  late.writer.queued = FetchHint(late.writer);
  if (late.writer.queued && queue_.SettleLater(late)) return;
  queue_.Settle({&late.writer, 1});
  late.then(std::move(late.writer.result));
}

std::vector<Result<Written>> RocksdbStore::ApplyAll(std::vector<Write> writes) {
  if (!MayWait()) return std::vector<Result<Written>>(writes.size(), Fail(WouldWait()));
  std::vector<Writer> writers(writes.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    writers[i].write = std::move(writes[i]);
    writers[i].queued = FetchHint(writers[i]);
  }
  queue_.Settle(writers);
  std::vector<Result<Written>> results;
  results.reserve(writers.size());
  for (Writer& writer : writers) results.push_back(std::move(writer.result));
  return results;
}

// Fetched on the writer's thread, so that the leader does not wait for the disk once for each.
bool RocksdbStore::FetchHint(Writer& writer) {
  if (Result<> fit = CheckWrite(writer.write); !fit) {
    writer.result = tl::unexpected(std::move(fit).error());
    return false;
  }
  writer.hint = std::move(writer.write.read);
  if (!writer.hint) {
    auto hint = LoadNewest(writer.write.key);
    if (!hint) {
      writer.result = tl::unexpected(std::move(hint).error());
      return false;
    }
    writer.hint = std::move(*hint);
  }
  if (Result<> sealed = SealFor(writer); !sealed) {
    writer.result = tl::unexpected(std::move(sealed).error());
    return false;
  }
  return true;
}

// What is sealed is the value before its revision is in it, which no writer knows yet.
Result<> RocksdbStore::SealFor(Writer& writer) const {
  const Write& write = writer.write;
  if (!options_.sealing || !write.value || !options_.sealing->Covers(write.key)) return {};
  const std::string framed = FramedForEtcd(*write.value, write.revision_at);
  writer.sealed = TRY(options_.sealing->Seal({write.key, write.key}, framed));
  return {};
}

void RocksdbStore::CommitFor(const WriteQueue::Writers& writers) {
  WriteGroup group(writers);
  commit_began_ = std::max<Duration::rep>(1, clock_.Monotonic().count());
  const Result<> writable = Writable();
  if (!writable && !Recover()) {
    group.FailAll(writable.error());
  } else {
    CommitGuarded(group);
  }
  commit_began_ = 0;
}

// Whatever happens, those who wait in the queue get their answers.
void RocksdbStore::CommitGuarded(WriteGroup& group) {
  try {
    Commit(group);
  } catch (const std::exception& failure) {
    // Nobody knows how far it came: what is on disk may not be in memory.
    const Error error{Reason::kInternalError, failure.what()};
    TurnReadOnly(error);
    group.FailAll(error);
  }
}

void RocksdbStore::Commit(WriteGroup& group) {
  group.Prepare(
      index_.Current(), [this](const Writer& writer) { return LoadPrevious(writer); },
      [this](const std::string& key) { return index_.Find(key); });
  const auto& events = group.events();
  if (events.empty()) return;
  const bool sync = ShouldSync();
  if (Result<> appended = disk_->Append(VersionsOf(group), sync, clock_.Now()); !appended) {
    TurnReadOnly(appended.error());
    group.FailAll(appended.error());
    return;
  }
  Publish(events);
  if (sync || options_.durability == Durability::kMemory) return;
  if (!unsynced_.exchange(true) && on_unsynced_) on_unsynced_();
}

void RocksdbStore::Publish(const std::vector<EventPtr>& events) {
  std::vector<KeyIndex::Change> changes;
  changes.reserve(events.size());
  for (const EventPtr& event : events) {
    const bool put = event->kind == Event::Kind::kPut;
    if (put) cache_.Insert(event->record);
    KeyIndex::Change change{event->record->key, put ? event->revision : Revision{}};
    if (put && index_.FindsByTerms(change.key)) change.terms = IndexTermsOf(event->record->value);
    changes.push_back(std::move(change));
  }
  index_.Publish(changes, events.back()->revision);
  // Nobody asks for the version before, but those whom the ring gives it.
  for (const EventPtr& event : events) {
    if (event->previous) cache_.Erase(*event->previous);
  }
  ring_.Publish(events);
}

void RocksdbStore::TurnReadOnly(const Error& error) {
  {
    MutexLock lock(read_only_mutex_);
    if (read_only_) return;
    read_only_ = Error{error.reason, fmt::format("the store is read-only: {}", error.message)};
    recover_at_ = clock_.Monotonic() + kRecoveryStep;
  }
  log_.Error("store is read-only", {{"path", options_.path}, {"error", error.message}});
}

Result<> RocksdbStore::Recover() {
  if (!disk_->full()) return Fail(Reason::kInternalError, "only a new start helps");
  {
    MutexLock lock(read_only_mutex_);
    const Duration now = clock_.Monotonic();
    if (now < recover_at_) return Fail(Reason::kInternalError, "tried a moment ago");
    recover_at_ = now + kRecoveryStep;
  }
  TRY(disk_->Reopen());
  compacted_ = std::max(compacted_.load(), disk_->Compacted().value);
  std::vector<EventPtr> events;
  TRY(ReadLog(Current(), {disk_->LastRevision(), SIZE_MAX, SIZE_MAX}, events));
  if (!events.empty()) Publish(events);
  {
    MutexLock lock(read_only_mutex_);
    read_only_.reset();
  }
  log_.Info("store can be written again", {{"path", options_.path}});
  return {};
}

bool RocksdbStore::ShouldSync() {
  if (options_.durability == Durability::kMemory) return false;
  if (options_.durability == Durability::kSync) return begun_;
  const Duration now = clock_.Monotonic();
  if (now - last_sync_ < options_.sync_interval) return false;
  last_sync_ = now;
  unsynced_ = false;
  return true;
}

Result<> RocksdbStore::Writable() {
  MutexLock lock(read_only_mutex_);
  if (read_only_) return Fail(*read_only_);
  return {};
}

Duration RocksdbStore::CommitTime() const {
  const Duration began(commit_began_.load());
  return began == Duration::zero() ? began : clock_.Monotonic() - began;
}

Result<> RocksdbStore::CheckHealth() {
  if (const Duration time = CommitTime(); time > kCommitTimeMax) {
    return Fail(Reason::kInternalError,
                fmt::format("a write has not come to an end for {} s",
                            std::chrono::duration_cast<std::chrono::seconds>(time).count()));
  }
  if (Writable()) return {};
  // While health fails perhaps nobody writes, and only writers recover: this one changes nothing.
  if (disk_->full()) (void)Apply({.key = "/registry/health"});
  return Writable();
}

bool RocksdbStore::NeedsRestart() {
  return CommitTime() > kCommitTimeMax || (!Writable() && !disk_->full());
}

Result<> RocksdbStore::Sync() {
  begun_ = true;
  if (!unsynced_.exchange(false)) return {};
  Result<> synced = disk_->Sync();
  if (!synced) TurnReadOnly(synced.error());
  return synced;
}

}  // namespace skiff
