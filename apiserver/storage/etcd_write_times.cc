// When what was written: each transaction of ours writes its time under one key besides, and etcd's
// history of that key tells the time of each of those revisions, for as long as it keeps them.
//
//   revision   7     8     9        10     11
//   written    pod   node  (others) pod    pod
//   the key    :01   :02            :31    :32
//
// At :02.5 or at :31.5 the newest was 8 or 10, for sure. What came without a time, as from
// kube-apiserver over the same etcd or from an etcd lease that ran out, may have been written any
// time between its neighbours: at :20 the newest that surely was there is 8.
#include <utility>

#include "api/values.h"
#include "apiserver/storage/etcd_store.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr std::string_view kWriteTimeKey = "skiff.io/write-time";
constexpr uint64_t kFirstRevision = 1;

}  // namespace

std::string EtcdStore::WriteTimeKeyUnder(const std::string& prefix) {
  const std::string_view between = prefix.empty() ? "" : "/";
  return fmt::format("{}{}{}", prefix, between, kWriteTimeKey);
}

void EtcdStore::AddWriteTime(etcd::TxnRequest& txn) const {
  etcd::PutRequest& put = *txn.add_success()->mutable_request_put();
  put.set_key(write_time_key_);
  put.set_value(Time(clock_.Now()).Rfc3339Micro());
}

Result<EtcdStore::TimeThen> EtcdStore::WriteTimeAt(Revision at) {
  etcd::RangeRequest request;
  request.set_key(write_time_key_);
  request.set_revision(static_cast<int64_t>(at.value));
  const auto response = client_->Range(request);
  if (!response && response.error().reason == Reason::kExpired) return TimeThen{.kept = false};
  if (!response) return Fail(response.error());
  if (response->kvs().empty()) return TimeThen{};
  const mvccpb::KeyValue& kv = response->kvs(0);
  const auto time = Time::Parse(kv.value());
  if (!time) return TimeThen{};
  return TimeThen{.written = RevisionFrom(kv.mod_revision()), .time = time->point()};
}

Result<Revision> EtcdStore::FirstAfter(TimePoint moment, Revision oldest, Revision newest) {
  uint64_t below = oldest.value - 1;
  uint64_t end = newest.value + 1;
  while (end - below > 1) {
    const uint64_t middle = below + (end - below) / 2;
    const TimeThen then = TRY(WriteTimeAt(Revision{middle}));
    (then.kept && then.time && *then.time > moment ? end : below) = middle;
  }
  return Revision{end};
}

Result<StoreMoment> EtcdStore::At(TimePoint moment) {
  if (!MayWait()) return Fail(WouldWait());
  // Asked first: what is written meanwhile was not there at that moment.
  const Revision newest = TRY(NewestRevision());
  const Revision known_oldest{std::max(Compacted().value, kFirstRevision)};
  const Revision after = TRY(FirstAfter(moment, known_oldest, newest));
  const Revision then{after.value - 1};
  // Nothing may have been written yet.
  const auto first = [&]() -> Result<std::optional<TimePoint>> {
    if (after > newest) return std::nullopt;
    const TimeThen its = TRY(WriteTimeAt(after));
    return its.time;
  };
  const TimeThen before = then < known_oldest ? TimeThen{.kept = false} : TRY(WriteTimeAt(then));
  if (!before.kept) {
    const auto since = TRY(first());
    return StoreMoment{.revision = after, .is_oldest = true, .at = since};
  }
  // An etcd that was written before times were kept can be read further back than they tell.
  if (!before.time) {
    // Its first revision is empty, and has none.
    if (then.value > kFirstRevision) {
      return Fail(Reason::kNotFound, "what was written before that moment is not known");
    }
    const auto since = TRY(first());
    return StoreMoment{.revision = then, .is_oldest = true, .at = since};
  }
  if (before.written == then) return StoreMoment{.revision = then};
  if (before.written < Compacted()) {
    return StoreMoment{.revision = Compacted(), .is_oldest = true};
  }
  return StoreMoment{.revision = before.written, .sure_until = before.time};
}

}  // namespace skiff
