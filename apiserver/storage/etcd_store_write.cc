// Writes: one transaction of etcd each.
#include "apiserver/storage/etcd_store.h"
#include "apiserver/storage/store_answers.h"

namespace skiff {
namespace {

// A write is durable when etcd has answered. It usually comes back on the watch sooner than that;
// when the watch is interrupted, reads find out for themselves.
constexpr Duration kOwnEventWait = 3s;

}  // namespace

// Puts a write among the pending ones while it lives.
class EtcdStore::PendingEntry {
 public:
  PendingEntry(EtcdStore& store, const std::string& key, Pending write) : store_(store) {
    MutexLock lock(store_.pending_mutex_);
    at_ = store_.pending_.emplace(key, std::make_shared<const Pending>(std::move(write)));
  }
  ~PendingEntry() {
    MutexLock lock(store_.pending_mutex_);
    store_.pending_.erase(at_);
  }
  PendingEntry(const PendingEntry&) = delete;
  PendingEntry& operator=(const PendingEntry&) = delete;

  const Pending& write() const { return *at_->second; }

 private:
  EtcdStore& store_;
  std::unordered_multimap<std::string, std::shared_ptr<const Pending>>::iterator at_;
};

Result<etcd::TxnRequest> EtcdStore::TransactionOf(const Write& write, const std::string& key,
                                                  const std::string& bytes) {
  using Kind = Precondition::Kind;
  etcd::TxnRequest txn;
  // Of a delete that finds nothing, no time is written either.
  const bool exists =
      write.expect.kind == Kind::kExists || (write.expect.kind == Kind::kNone && !write.value);
  if (write.expect.kind != Kind::kNone || exists) {
    etcd::Compare& compare = *txn.add_compare();
    compare.set_key(key);
    compare.set_target(etcd::Compare::MOD);
    compare.set_result(exists ? etcd::Compare::NOT_EQUAL : etcd::Compare::EQUAL);
    const bool at_revision = write.expect.kind == Kind::kRevision;
    // A key that does not exist is at revision 0.
    compare.set_mod_revision(at_revision ? static_cast<int64_t>(write.expect.revision.value) : 0);
  }
  for (const Unchanged& relied : write.relies_on) {
    etcd::Compare& compare = *txn.add_compare();
    const std::string relied_key = TRY(ToEtcdKey(relied.key));
    compare.set_key(relied_key);
    compare.set_target(etcd::Compare::MOD);
    compare.set_result(etcd::Compare::EQUAL);
    compare.set_mod_revision(static_cast<int64_t>(relied.modified.value));
  }
  txn.add_failure()->mutable_request_range()->set_key(key);
  if (!write.value) {
    etcd::DeleteRangeRequest& erase = *txn.add_success()->mutable_request_delete_range();
    erase.set_key(key);
    erase.set_prev_kv(true);
    AddWriteTime(txn);
    return txn;
  }
  etcd::PutRequest& put = *txn.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(bytes);
  for (const Expiry& expiry : options_.expiries) {
    if (!write.key.starts_with(expiry.prefix)) continue;
    const int64_t lease = TRY(leases_.For(expiry.ttl));
    put.set_lease(lease);
  }
  etcd::RangeRequest& written = *txn.add_success()->mutable_request_range();
  written.set_key(key);
  written.set_keys_only(true);
  AddWriteTime(txn);
  return txn;
}

Error EtcdStore::Refusal(const Write& write, const etcd::TxnResponse& response) {
  using Kind = Precondition::Kind;
  const auto& found = response.responses(0).response_range();
  const Kind expected = write.expect.kind;
  const bool needs_one = expected == Kind::kRevision || expected == Kind::kExists || !write.value;
  if (found.kvs().empty()) {
    return needs_one ? NoSuchKey(write.key) : ReliesOnChanged(write.key);
  }
  if (expected == Kind::kAbsent) return KeyExists(write.key);
  const Revision modified = RevisionFrom(found.kvs(0).mod_revision());
  if (expected != Kind::kRevision || modified == write.expect.revision) {
    return ReliesOnChanged(write.key);
  }
  return WrongRevision(write.key, modified, write.expect.revision);
}

Result<> EtcdStore::SealFor(std::string_view key, std::string_view etcd_key,
                            Pending& pending) const {
  if (!options_.sealing || !options_.sealing->Covers(key)) return {};
  Sealing::Value sealed = TRY(options_.sealing->Seal({key, etcd_key}, pending.bytes));
  if (sealed.seal == kNoSeal) return {};
  pending.bytes = std::move(sealed.bytes);
  pending.seal = sealed.seal;
  return {};
}

Result<Written> EtcdStore::PutDone(const Write& write, const Pending& pending,
                                   const etcd::TxnResponse& response) {
  const Revision revision = RevisionFrom(response.header().revision());
  if (auto record = cache_.Find(revision, write.key)) {
    return Written{.revision = revision, .record = std::move(record)};
  }
  const auto& written = response.responses(1).response_range();
  Record record{.key = write.key,
                .value = pending.value,
                .created = RevisionFrom(written.kvs(0).create_revision()),
                .modified = revision,
                .seal = pending.seal};
  if (write.revision_at != std::string::npos) {
    record.value.insert(write.revision_at, std::to_string(revision.value));
  }
  return Written{.revision = revision, .record = std::make_shared<const Record>(std::move(record))};
}

Result<Written> EtcdStore::Apply(Write write) {
  TRY(CheckWrite(write));
  const std::string key = TRY(ToEtcdKey(write.key));
  Pending pending{.bytes = {}, .value = {}, .revision_at = write.revision_at};
  if (write.value) {
    pending.bytes = ToEtcd(*write.value, write.revision_at, options_.write_object);
    pending.value = *std::move(write.value);
    write.value.emplace();
    TRY(SealFor(write.key, key, pending));
  }
  const PendingEntry entry(*this, write.key, std::move(pending));
  const etcd::TxnRequest txn = TRY(TransactionOf(write, key, entry.write().bytes));
  auto response = client_->Transact(txn);
  if (!response && response.error().message == "etcdserver: requested lease not found") {
    leases_.Drop(txn.success(0).request_put().lease());
    const etcd::TxnRequest again = TRY(TransactionOf(write, key, entry.write().bytes));
    response = client_->Transact(again);
  }
  if (!response) return Fail(response.error());
  if (!response->succeeded()) return Fail(Refusal(write, *response));
  const Revision revision = RevisionFrom(response->header().revision());
  if (write.value) {
    (void)WaitUntilVisible(revision, kOwnEventWait);  // It is durable all the same.
    return PutDone(write, entry.write(), *response);
  }
  const auto& erased = response->responses(0).response_delete_range();
  if (erased.prev_kvs().empty()) return Fail(NoSuchKey(write.key));
  (void)WaitUntilVisible(revision, kOwnEventWait);  // As above.
  return Written{.revision = revision, .record = ToRecord(erased.prev_kvs(0), write.key)};
}

std::vector<Result<Written>> EtcdStore::ApplyAll(std::vector<Write> writes) {
  std::vector<Result<Written>> results;
  results.reserve(writes.size());
  for (Write& write : writes) {
    const bool is_away = !results.empty() && !results.back() && IsTimedOut(results.back().error());
    if (is_away) {
      results.push_back(Fail(results.back().error()));
    } else {
      results.push_back(Apply(std::move(write)));
    }
  }
  return results;
}

}  // namespace skiff
