#include "apiserver/storage/expiry.h"

namespace skiff {
namespace {

// Of one list.
constexpr size_t kRemovedPerStep = 500;

}  // namespace

Duration Expiry::Step() {
  const Duration now = clock_.Monotonic();
  if (now < next_) return next_ - now;
  next_ = now + options_.period;
  samples_.push_back({now, store_.Current()});
  const Revision expired = Expired(now);
  if (expired.value == 0) return options_.period;
  if (const Result<> removed = Remove(expired); !removed) {
    log_.Error("expired records not removed",
               {{"prefix", options_.prefix}, {"error", removed.error().message}});
  }
  return options_.period;
}

Revision Expiry::Expired(Duration now) {
  const auto old = [&](const Sample& sample) { return sample.at + options_.ttl <= now; };
  while (samples_.size() > 1 && old(samples_[1])) samples_.pop_front();
  return old(samples_[0]) ? samples_[0].revision : Revision{};
}

Result<> Expiry::Remove(Revision expired) {
  ListRequest request{.prefix = options_.prefix, .limit = kRemovedPerStep};
  request.filter = [&](const Record& record) { return record.modified <= expired; };
  for (;;) {
    const ListPage page = TRY(store_.List(request));
    for (const RecordPtr& record : page.records) {
      const auto removed = store_.Apply(
          {.key = record->key,
           .expect = {.kind = Precondition::Kind::kRevision, .revision = record->modified}});
      if (removed) continue;
      const Reason reason = removed.error().reason;
      // Written again, or deleted, just now.
      if (reason != Reason::kConflict && reason != Reason::kNotFound) return Fail(removed.error());
    }
    if (!page.more || page.records.empty()) return {};
    request.start_after = page.records.back()->key;
  }
}

}  // namespace skiff
