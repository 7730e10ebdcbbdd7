#include "apiserver/storage/etcd_compactor.h"

namespace skiff {

Duration EtcdCompactor::Step() {
  if (period_ == Duration::zero()) return kNever;
  const Duration now = clock_.Monotonic();
  if (now < next_) return next_ - now;
  next_ = now + period_;
  if (const Result<> turn = TakeTurn(); !turn) {
    log_.Error("compaction failed",
               {{"revision", revision_.value}, {"error", turn.error().message}});
  }
  return period_;
}

Result<> EtcdCompactor::TakeTurn() {
  const std::string key(kEtcdCompactedKey);
  etcd::TxnRequest txn;
  etcd::Compare& compare = *txn.add_compare();
  compare.set_key(key);
  compare.set_target(etcd::Compare::VERSION);
  compare.set_result(etcd::Compare::EQUAL);
  compare.set_version(version_);
  etcd::PutRequest& put = *txn.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(std::to_string(revision_.value));
  store_.AddWriteTime(txn);
  txn.add_failure()->mutable_request_range()->set_key(key);

  const auto response = TRY(store_.client().Transact(txn));
  const Revision compacted = revision_;
  revision_ = RevisionFrom(response.header().revision());
  if (!response.succeeded()) {
    const auto& found = response.responses(0).response_range();
    version_ = found.kvs().empty() ? 0 : found.kvs(0).version();
    return {};
  }
  ++version_;
  if (compacted.value == 0) return {};  // It has just come.
  TRY(store_.Compact(compacted));
  log_.Debug("compacted", {{"revision", compacted.value}, {"current", revision_.value}});
  return {};
}

}  // namespace skiff
